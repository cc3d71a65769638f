//! The promises of the consumer: a message has one effect, in the order of its key, whatever it contains and whatever fails.

use crate::{
    consuming::{Counting, TestConsumer, copies, insert_raw, message, parked, reaches, send, send_all, with_own_keys},
    fixture::Fixture,
    model::Changed,
};
use seedwork::{application::IntegrationEvent, infrastructure::broker::Broker, testing::eventually};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn every_message_has_one_effect_in_the_order_of_its_key() {
    let fixture = Fixture::open().await;
    let consumer = TestConsumer::start(&fixture).await;
    let ids: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    send(&fixture, &ids, 1, 15).await;
    for id in &ids {
        reaches(&fixture, *id, 15).await;
    }
    assert_eq!(parked(&fixture).await, 0);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_twice_has_one_effect_over_a_restart_and_in_two_processes() {
    let fixture = Fixture::open().await;
    let id = Uuid::now_v7();
    let (one, two) = (TestConsumer::start(&fixture).await, TestConsumer::start(&fixture).await);
    let first = message(&fixture, id, 1, "m-1").await;
    fixture.broker().send(&[first.clone(), first.clone(), first.clone()]).await.unwrap();
    reaches(&fixture, id, 1).await;
    one.stop().await;
    two.stop().await;
    fixture.broker().send(&[first, message(&fixture, id, 2, "m-2").await]).await.unwrap();
    let again = TestConsumer::start(&fixture).await;
    reaches(&fixture, id, 2).await;
    assert_eq!(parked(&fixture).await, 0);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_claimed_in_an_older_partition_of_the_inbox_is_known() {
    let fixture = Fixture::open().await;
    let id = Uuid::now_v7();
    let db = fixture.look().await;
    db.batch_execute(
        "CREATE TABLE inbox_old (LIKE inbox INCLUDING ALL); \
         ALTER TABLE inbox ATTACH PARTITION inbox_old FOR VALUES FROM ('2020-01-01Z') TO ('2020-01-02Z'); \
         INSERT INTO inbox VALUES ('/test', 'm-1', '2020-01-01 12:00Z', 'applied')",
    )
    .await
    .unwrap();
    let consumer = TestConsumer::start(&fixture).await;
    fixture
        .broker()
        .send(&[message(&fixture, id, 7, "m-1").await, message(&fixture, id, 1, "m-2").await])
        .await
        .unwrap();
    reaches(&fixture, id, 1).await;
    assert_eq!(parked(&fixture).await, 0, "the first message was handled again and failed");
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_message_is_parked_with_its_successors_and_applied_in_order_later() {
    let fixture = Fixture::open().await;
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let consumer = TestConsumer::start(&fixture).await;
    consumer.faults.failing.lock().unwrap().insert(bad);
    send(&fixture, &[bad, good], 1, 5).await;
    reaches(&fixture, good, 5).await;
    eventually("all messages of the key are parked", || async { (parked(&fixture).await == 5).then_some(()) }).await;
    send(&fixture, &[bad, good], 6, 7).await;
    reaches(&fixture, good, 7).await;
    eventually("the following messages are parked, too", || async { (parked(&fixture).await == 7).then_some(()) })
        .await;
    assert_eq!(fixture.balance(bad.into()).await, None);
    // Parked messages survive a restart.
    consumer.stop().await;
    let again = TestConsumer::start(&fixture).await;
    send(&fixture, &[bad], 8, 9).await;
    reaches(&fixture, bad, 9).await;
    eventually("no message is parked any more", || async { (parked(&fixture).await == 0).then_some(()) }).await;
    send(&fixture, &[bad], 10, 10).await;
    reaches(&fixture, bad, 10).await;
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_poison_stops_a_partition() {
    let fixture = Fixture::open().await;
    let consumer = TestConsumer::start(&fixture).await;
    let id = Uuid::now_v7();
    send(&fixture, &[id], 1, 1).await;
    reaches(&fixture, id, 1).await;
    let good = message(&fixture, Uuid::now_v7(), 1, "x").await.value;
    let typed = format!("{{\"ce_id\":\"t\",\"ce_source\":\"/test\",\"ce_type\":\"{}\"}}", Changed::TYPE);
    // No wire format, an unknown schema, a body that is cut short, a body that is too long.
    insert_raw(&fixture, Some(b"a"), "{}", Some(b"garbage")).await;
    insert_raw(&fixture, Some(b"b"), "{}", Some(&[0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])).await;
    insert_raw(&fixture, Some(b"c"), &typed, Some(&good[..9])).await;
    insert_raw(&fixture, Some(b"d"), "{\"ce_id\":\"d\",\"ce_source\":\"/test\"}", Some(&[&good[..], b"more"].concat()))
        .await;
    // An unknown type and a tombstone are skipped.
    insert_raw(&fixture, Some(b"e"), "{\"ce_type\":\"sta.unknown.v1.Unknown\"}", Some(&good)).await;
    insert_raw(&fixture, Some(b"f"), "{}", None).await;
    // NUL in the id, or neither id nor key: handled all the same.
    let (nul, keyless) = (Uuid::now_v7(), Uuid::now_v7());
    let of = async |id| message(&fixture, id, 1, "y").await.value;
    insert_raw(&fixture, Some(b"g"), "{\"ce_id\":\"a\\u0000b\",\"ce_source\":\"/test\"}", Some(&of(nul).await)).await;
    insert_raw(&fixture, None, "{}", Some(&of(keyless).await)).await;
    // A handler that panics.
    let panics = Uuid::now_v7();
    consumer.faults.panicking.lock().unwrap().insert(panics);
    // A handler that publishes more than a message may hold.
    let verbose = Uuid::now_v7();
    consumer.faults.verbose.lock().unwrap().insert(verbose);
    send(&fixture, &[panics, verbose], 1, 1).await;
    reaches(&fixture, nul, 1).await;
    reaches(&fixture, keyless, 1).await;
    let noted = "SELECT type, last >= first, count FROM unheard";
    let unheard =
        eventually("the unknown type is noted", || async { fixture.look().await.query_opt(noted, &[]).await.unwrap() })
            .await;
    assert_eq!((unheard.get::<_, &str>(0), unheard.get(1), unheard.get(2)), ("sta.unknown.v1.Unknown", true, 1_i64));
    eventually("six are parked", || async { (parked(&fixture).await == 6).then_some(()) }).await;
    // The message with the unknown schema is not dead: the schema may come later.
    let dead = "SELECT count(*) FROM parked WHERE dead AND reason <> ''";
    assert_eq!(fixture.look().await.query_one(dead, &[]).await.unwrap().get::<_, i64>(0), 5);
    send(&fixture, &[id], 2, 3).await;
    reaches(&fixture, id, 3).await;
    // The positions are behind all of these messages.
    let behind =
        "SELECT bool_and(p.\"offset\" = b.next) FROM positions p JOIN broker.partitions b USING (topic, partition)";
    let db = fixture.look().await;
    eventually("positions are noted", || async {
        db.query_one(behind, &[]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_known_yet_and_a_defect_are_tried_again() {
    const ID: i32 = 7_000_000;
    let fixture = Fixture::open().await;
    let (early, defective) = (Uuid::now_v7(), Uuid::now_v7());
    let mut unknown = message(&fixture, early, 1, "m-1").await;
    unknown.value[1..5].copy_from_slice(&ID.to_be_bytes());
    // The handler refuses a message out of order as a defect.
    let second = message(&fixture, defective, 2, "m-2").await;
    fixture.broker().send(&[unknown, second]).await.unwrap();
    let consumer = TestConsumer::start(&fixture).await;
    eventually("both are parked", || async { (parked(&fixture).await == 2).then_some(()) }).await;
    let db = fixture.look().await;
    let dead: i64 = db.query_one("SELECT count(*) FROM parked WHERE dead", &[]).await.unwrap().get(0);
    assert_eq!(dead, 0);
    // The writer's schema and the missing message arrive, and the messages become due.
    let schema = "INSERT INTO broker.schemas SELECT 7, $1, name, text FROM broker.schemas WHERE name = $2";
    db.execute(schema, &[&ID, &Changed::TYPE]).await.unwrap();
    db.execute("INSERT INTO accounts VALUES ($1, 'x', 1, 1)", &[&defective]).await.unwrap();
    db.batch_execute("UPDATE parked SET due_at = now()").await.unwrap();
    reaches(&fixture, early, 1).await;
    reaches(&fixture, defective, 2).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_counted_against_a_message_while_the_database_is_busy() {
    let fixture = Fixture::open().await;
    let consumer = TestConsumer::start(&fixture).await;
    let id = Uuid::now_v7();
    send(&fixture, &[id], 1, 1).await;
    reaches(&fixture, id, 1).await;
    let lock = fixture.hold_commit_lock().await;
    send(&fixture, &[id], 2, 4).await;
    // This takes longer than a message is tried in memory before it is parked.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let (began, db) = (std::time::Instant::now(), fixture.look().await);
    eventually("the message was tried for a while", || async {
        let waiting: i64 = db.query_one(waits, &[]).await.unwrap().get(0);
        (waiting > 0 && began.elapsed() > Duration::from_secs(5)).then_some(())
    })
    .await;
    lock.release().await;
    reaches(&fixture, id, 4).await;
    assert_eq!(parked(&fixture).await, 0);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_missing_among_others_is_an_error_and_no_guess() {
    let fixture = Fixture::open().await;
    let id = Uuid::now_v7();
    let consumer = TestConsumer::start(&fixture).await;
    send(&fixture, &[id], 1, 1).await;
    reaches(&fixture, id, 1).await;
    consumer.stop().await;
    let db = fixture.look().await;
    db.batch_execute("DELETE FROM positions WHERE partition = 2").await.unwrap();
    let mut again = TestConsumer::start(&fixture).await;
    let paused = again.state.wait_for(|state| state.failure.is_some()).await.unwrap().clone();
    assert!(paused.failure.unwrap().contains("has 4 partitions, but positions in 3 are known"));
    let known: i64 = db.query_one("SELECT count(*) FROM positions", &[]).await.unwrap().get(0);
    assert_eq!(known, 3, "the consumer invented a position");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_always_fails_is_retried_with_growing_pauses_and_left_to_an_operator() {
    let fixture = Fixture::open().await;
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let consumer = TestConsumer::start(&fixture).await;
    consumer.faults.failing.lock().unwrap().insert(bad);
    send(&fixture, &[bad], 1, 2).await;
    eventually("both are parked", || async { (parked(&fixture).await == 2).then_some(()) }).await;
    let db = fixture.look().await;
    let head = async || {
        let row = "SELECT tries, dead, extract(epoch FROM due_at - now())::float8 FROM parked ORDER BY n LIMIT 1";
        let row = db.query_one(row, &[]).await.unwrap();
        (row.get::<_, i32>(0), row.get::<_, bool>(1), row.get::<_, f64>(2))
    };
    let mut last = 0.0;
    for tries in 1..=10 {
        let pause = eventually("the message is tried again", || async {
            let (tried, _, pause) = head().await;
            (tried >= tries).then_some(pause)
        })
        .await;
        assert!(pause > last, "pause {tries} is {pause} s after {last} s");
        last = pause;
        // The message becomes due.
        db.batch_execute("UPDATE parked SET due_at = now() WHERE NOT dead").await.unwrap();
    }
    assert!(head().await.1, "the message is still tried");
    // It still blocks its key and no other.
    send(&fixture, &[bad, good], 3, 3).await;
    send(&fixture, &[good], 1, 1).await;
    eventually("the following message is parked, too", || async { (parked(&fixture).await >= 3).then_some(()) }).await;
    assert_eq!(fixture.balance(bad.into()).await, None);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_stops_when_handling_does() {
    const SENT: usize = 40_000;
    let fixture = Fixture::open().await;
    let lock = fixture.hold_commit_lock().await;
    let first = message(&fixture, Uuid::now_v7(), 1, "").await;
    send_all(&fixture, &with_own_keys(copies(&first, SENT)), 5_000).await;
    let broker = Counting::new(&fixture);
    let consumer = TestConsumer::reading(&fixture, broker.clone()).await;
    // 4,096 messages may be in work. Standing still takes many times as long as reading all of them would.
    let read = broker.stands_still(4_097).await;
    assert!(read < SENT / 2, "{read} messages are read while nothing is handled");
    lock.release().await;
    consumer.stop().await;
}
