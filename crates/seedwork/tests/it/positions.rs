//! PositionLookup follow the effects: they are stored after them and before a partition is released.

use crate::{
    consuming::{TestConsumer, parked, reaches, send},
    fixture::Fixture,
};
use seedwork::testing::eventually;
use std::time::Instant;
use uuid::Uuid;

/// The number of messages below the positions of all partitions.
async fn noted(fixture: &Fixture) -> i64 {
    let sum = "SELECT coalesce(sum(\"offset\"), 0)::int8 FROM positions";
    fixture.look().await.query_one(sum, &[]).await.unwrap().get(0)
}

/// A consumer that has stored the position behind the first message about an account.
async fn one_noted() -> (Fixture, TestConsumer, Uuid) {
    let fixture = Fixture::open().await;
    let consumer = TestConsumer::start(&fixture).await;
    let id = Uuid::now_v7();
    send(&fixture, &[id], 1, 1).await;
    reaches(&fixture, id, 1).await;
    eventually("the first is noted", || async { (noted(&fixture).await == 1).then_some(()) }).await;
    (fixture, consumer, id)
}

/// Consumes three messages about each of ten accounts and stops. Returns the accounts.
async fn consumed_thrice(fixture: &Fixture) -> Vec<Uuid> {
    let ids: Vec<_> = (0..10).map(|_| Uuid::now_v7()).collect();
    let consumer = TestConsumer::start(fixture).await;
    send(fixture, &ids, 1, 3).await;
    for id in &ids {
        reaches(fixture, *id, 3).await;
    }
    consumer.stop().await;
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_do_not_wait_for_positions_to_be_noted() {
    let (fixture, consumer, id) = one_noted().await;
    let holder = fixture.look().await;
    holder.batch_execute("BEGIN; LOCK TABLE positions IN EXCLUSIVE MODE").await.unwrap();
    send(&fixture, &[id], 2, 50).await;
    reaches(&fixture, id, 50).await;
    assert_eq!(noted(&fixture).await, 1, "a position was stored although the table is locked");
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("all positions are noted", || async { (noted(&fixture).await == 50).then_some(()) }).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_noted_before_a_consumer_stops() {
    let fixture = Fixture::open().await;
    consumed_thrice(&fixture).await;
    assert_eq!(noted(&fixture).await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_lags_behind_repeats_no_effect() {
    let fixture = Fixture::open().await;
    let ids = consumed_thrice(&fixture).await;
    fixture.look().await.batch_execute("UPDATE positions SET \"offset\" = 0").await.unwrap();
    let again = TestConsumer::start(&fixture).await;
    eventually("everything has been read again", || async { (noted(&fixture).await == 30).then_some(()) }).await;
    for id in &ids {
        reaches(&fixture, *id, 3).await;
    }
    assert_eq!(parked(&fixture).await, 0, "a message was handled again and failed");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_written_ten_times_a_second_at_most_under_any_load() {
    let (fixture, consumer, id) = one_noted().await;
    let db = fixture.look().await;
    db.batch_execute(
        "CREATE SEQUENCE writes; CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql SET search_path = engine \
         AS $$ BEGIN PERFORM nextval('writes'); RETURN NULL; END $$; \
         CREATE TRIGGER count_write AFTER UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION count_write(); \
         GRANT ALL ON SEQUENCE writes TO PUBLIC",
    )
    .await
    .unwrap();
    // All messages have one key, so each has a commit of its own.
    let began = Instant::now();
    send(&fixture, &[id], 2, 400).await;
    reaches(&fixture, id, 400).await;
    eventually("all are noted", || async { (noted(&fixture).await == 400).then_some(()) }).await;
    let took = began.elapsed();
    let writes: i64 = db.query_one("SELECT last_value FROM writes", &[]).await.unwrap().get(0);
    let most = i64::try_from(took.as_millis()).unwrap() / 100 + 2;
    assert!((1..=most).contains(&writes), "{writes} writes in {took:?}");
    consumer.stop().await;
}
