//! Parked messages: triggers keep the head of each key, and a mass of parked messages delays no other.

use crate::{
    consuming::{TestConsumer, insert_raw, message, parked, reaches, send},
    fixture::{COMMIT_LOCK, Fixture},
};
use seedwork::testing::eventually;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use uuid::Uuid;

const UP: &str = include_str!("../../migrations/context/2026-11-27-050000_parked_heads/up.sql");
const DOWN: &str = include_str!("../../migrations/context/2026-11-27-050000_parked_heads/down.sql");

/// The statement that parks messages of a key.
fn park(key: &str, count: i32) -> String {
    format!(
        "INSERT INTO parked (source, id, topic, partition, \"offset\", key, headers, parked_at, tries, due_at, dead, reason) \
         SELECT '/p', n::text, 't', 0, n, {key}, '[]', now(), 0, now(), n = 1, '' FROM generate_series(1, {count}) n;"
    )
}

/// The numbers of the heads. Fails if a head is not the first of its key.
async fn heads(db: &Client) -> Vec<i64> {
    let wrong = "SELECT count(*) FROM parked p WHERE head = \
                 EXISTS (SELECT FROM parked e WHERE e.topic = p.topic AND e.key = p.key AND e.n < p.n)";
    assert_eq!(
        db.query_one(wrong, &[]).await.unwrap().get::<_, i64>(0),
        0,
        "the heads are not the first messages of their keys"
    );
    let heads = db.query("SELECT n FROM parked WHERE head ORDER BY n", &[]).await.unwrap();
    heads.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_parked_message_of_each_key_is_its_head() {
    let fixture = Fixture::open().await;
    let db = fixture.look().await;
    db.batch_execute(&[park("'a'", 3), park("'b'", 2), park("NULL", 2), park("'a'", 2)].concat()).await.unwrap();
    assert_eq!(heads(&db).await, [1, 4, 6, 7]);
    db.batch_execute("DELETE FROM parked WHERE n IN (2, 6)").await.unwrap();
    assert_eq!(heads(&db).await, [1, 4, 7]);
    db.batch_execute("DELETE FROM parked WHERE n IN (1, 3, 4, 5)").await.unwrap();
    assert_eq!(heads(&db).await, [7, 8]);
    // The trigger works for a session with another search path.
    db.batch_execute("SET search_path = public; DELETE FROM engine.parked WHERE n = 8; SET search_path = engine")
        .await
        .unwrap();
    assert_eq!(heads(&db).await, [7, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_parked_while_its_head_is_deleted_becomes_the_head() {
    let fixture = Fixture::open().await;
    let (committer, operator, db) = (fixture.look().await, fixture.look().await, fixture.look().await);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let until_one_waits = || async {
        eventually("one session waits for the other", || async {
            (db.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1).then_some(())
        })
        .await;
    };
    // The message is parked first.
    db.batch_execute(&park("'a'", 1)).await.unwrap();
    committer.batch_execute(&[COMMIT_LOCK, &park("'a'", 1)].concat()).await.unwrap();
    let (deleted, ()) = futures_util::join!(operator.batch_execute("DELETE FROM parked WHERE n = 1"), async {
        until_one_waits().await;
        committer.batch_execute("COMMIT").await.unwrap();
    });
    deleted.unwrap();
    assert_eq!(heads(&db).await, [2]);
    // The head is deleted first.
    operator.batch_execute("BEGIN; DELETE FROM parked WHERE n = 2").await.unwrap();
    let parking = async {
        committer.batch_execute(COMMIT_LOCK).await.unwrap();
        committer.batch_execute(&park("'a'", 1)).await.unwrap();
        committer.batch_execute("COMMIT").await.unwrap();
    };
    futures_util::join!(parking, async {
        until_one_waits().await;
        operator.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(heads(&db).await, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_parked_before_the_flag_was_there_get_it() {
    let fixture = Fixture::open().await;
    let db = fixture.look().await;
    db.batch_execute(DOWN).await.unwrap();
    db.batch_execute(&[park("'a'", 3), park("'b'", 2), park("NULL", 2)].concat()).await.unwrap();
    db.batch_execute(UP).await.unwrap();
    assert_eq!(heads(&db).await, [1, 4, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_of_parked_messages_delays_no_other() {
    let fixture = Fixture::open().await;
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let consumer = TestConsumer::start(&fixture).await;
    consumer.faults.failing.lock().unwrap().insert(bad);
    send(&fixture, &[bad, good], 1, 1).await;
    eventually("the message is parked", || async { (parked(&fixture).await == 1).then_some(()) }).await;
    // The mass is in partitions that this consumer reads, behind a dead head.
    let mass = park("'a'", 200_000).replace("'t', 0", "'eventos-cliente', n % 4");
    fixture.look().await.batch_execute(&mass).await.unwrap();
    consumer.faults.failing.lock().unwrap().clear();
    reaches(&fixture, bad, 1).await;
    let value = message(&fixture, good, 1, "x").await.value;
    insert_raw(&fixture, Some(b"e"), "{\"ce_type\":\"sta.unknown.v1.Unknown\"}", Some(&value)).await;
    let noted = "SELECT FROM unheard WHERE type = 'sta.unknown.v1.Unknown'";
    let db = fixture.look().await;
    eventually("the type without a handler is noted", || async { db.query_opt(noted, &[]).await.unwrap() }).await;
    let mut fastest = Duration::MAX;
    for n in 2..=6 {
        let began = Instant::now();
        send(&fixture, &[good], n, n).await;
        reaches(&fixture, good, n.into()).await;
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < Duration::from_secs(1), "a message of another key takes {fastest:?}");
    consumer.stop().await;
}
