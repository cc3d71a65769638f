//! Handlers that are slow or hang: none is repeated for ever, and a stuck key leaves room for the others.

use crate::{
    consuming::{Counting, TestConsumer, copies, message, parked, reaches, send, send_all, with_own_keys},
    fixture::{Fixture, HASTY},
};
use seedwork::{infrastructure::postgres::CommitterSettings, testing::eventually};
use std::time::Duration;
use uuid::Uuid;

const FOR_EVER: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_slower_than_a_request_may_be_commits() {
    let fixture = Fixture::open().await;
    let settings = CommitterSettings { deadline: Duration::from_millis(300), ..HASTY };
    let consumer = TestConsumer::with(&fixture, fixture.broker(), settings).await;
    let slow = Uuid::now_v7();
    consumer.faults.slow.lock().unwrap().insert(slow, Duration::from_millis(600));
    send(&fixture, &[slow], 1, 3).await;
    reaches(&fixture, slow, 3).await;
    assert_eq!(parked(&fixture).await, 0);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_ends_is_a_failure_and_parked() {
    let fixture = Fixture::open().await;
    let settings = CommitterSettings { handler: Duration::from_millis(500), ..HASTY };
    let consumer = TestConsumer::with(&fixture, fixture.broker(), settings).await;
    let (stuck, good) = (Uuid::now_v7(), Uuid::now_v7());
    consumer.faults.slow.lock().unwrap().insert(stuck, FOR_EVER);
    send(&fixture, &[stuck, good], 1, 2).await;
    reaches(&fixture, good, 2).await;
    eventually("both messages of the key are parked", || async { (parked(&fixture).await == 2).then_some(()) }).await;
    let db = fixture.look().await;
    let head = db.query_one("SELECT reason, dead FROM parked ORDER BY n LIMIT 1", &[]).await.unwrap();
    assert_eq!((head.get::<_, &str>(0), head.get(1)), ("the handler took too long", false));
    // The message is tried again and succeeds once the handler does.
    consumer.faults.slow.lock().unwrap().clear();
    reaches(&fixture, stuck, 2).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_stuck_leaves_the_others_room() {
    let fixture = Fixture::open().await;
    let broker = Counting::new(&fixture);
    let consumer = TestConsumer::reading(&fixture, broker.clone()).await;
    let stuck = Uuid::now_v7();
    consumer.faults.slow.lock().unwrap().insert(stuck, FOR_EVER);
    let first = message(&fixture, stuck, 1, "").await;
    send_all(&fixture, &copies(&first, 12_000), 3_000).await;
    let count = broker.stands_still(1_000).await;
    assert!(count < 3_000, "{count} messages are read: the stuck key has more than a quarter of the room");
    // Twenty keys reach the other partitions.
    let others: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    send(&fixture, &others, 1, 2).await;
    let mut done = 0;
    for other in &others {
        let partition = "SELECT partition FROM broker.messages WHERE key = convert_to($1, 'UTF8')";
        let of = async |id: Uuid| -> i32 {
            fixture.look().await.query(partition, &[&id.to_string()]).await.unwrap()[0].get(0)
        };
        if of(*other).await != of(stuck).await {
            reaches(&fixture, *other, 2).await;
            done += 1;
        }
    }
    assert!(done > 0, "all of twenty keys have the partition of the stuck one");
    assert_eq!(parked(&fixture).await, 0);
    // Once the handler continues, its partition is read further.
    consumer.faults.slow.lock().unwrap().clear();
    eventually("the partition is read further", || async { (broker.count() > count + 40).then_some(()) }).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_in_work_are_bounded_in_bytes() {
    const LARGE: usize = 900_000;
    let fixture = Fixture::open().await;
    let lock = fixture.hold_commit_lock().await;
    let first = message(&fixture, Uuid::now_v7(), 1, "").await;
    let mut large = with_own_keys(copies(&first, 80));
    large.iter_mut().for_each(|message| message.headers.push(("padding".into(), "x".repeat(LARGE))));
    send_all(&fixture, &large, 10).await;
    let broker = Counting::new(&fixture);
    let consumer = TestConsumer::reading(&fixture, broker.clone()).await;
    let count = broker.stands_still(10).await;
    // 16 MiB, one batch of 4 MiB, and one message a partition.
    assert!(count * LARGE < 28_000_000, "{count} messages of {LARGE} bytes are in work");
    lock.release().await;
    eventually("all messages are read", || async { (broker.count() >= large.len()).then_some(()) }).await;
    consumer.stop().await;
}
