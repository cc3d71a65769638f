//! Handlers that are slow, hang or wait: none repeats for ever, and a key that is stuck leaves the others room.

use crate::{
    consumer::{Counting, Oyente, broker, message, parked, reaches, send},
    model::{Banco, HASTY},
};
use seedwork::{
    infrastructure::{
        broker::{Broker, Record},
        postgres::CommitterSettings,
    },
    testing::eventually,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use uuid::Uuid;

const FOR_EVER: Duration = Duration::from_secs(3_600);

/// A broker that counts what is read.
fn counting(banco: &Banco) -> (Counting, Arc<AtomicUsize>) {
    let read = Arc::<AtomicUsize>::default();
    (Counting { broker: broker(banco), read: Arc::clone(&read) }, read)
}

/// Waits until no more is read; answers how much that was.
async fn reads_no_more(read: &AtomicUsize, least: usize) -> usize {
    eventually("enough is read", || async { (read.load(Relaxed) >= least).then_some(()) }).await;
    let mut seen = Vec::new();
    eventually("it reads no more", || {
        seen.push(read.load(Relaxed));
        let still = seen.len() > 60 && seen[seen.len() - 60..].iter().all(|count| *count == seen[seen.len() - 1]);
        async move { still.then_some(()) }
    })
    .await;
    read.load(Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_slower_than_a_request_may_be_commits() {
    let banco = Banco::open().await;
    let settings = CommitterSettings { deadline: Duration::from_millis(300), ..HASTY };
    let oyente = Oyente::with(&banco, broker(&banco), settings).await;
    let slow = Uuid::now_v7();
    oyente.faults.slow.lock().unwrap().insert(slow, Duration::from_millis(600));
    send(&banco, &[slow], 1, 3).await;
    reaches(&banco, slow, 3).await;
    assert_eq!(parked(&banco).await, 0);
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_ends_is_a_failure_and_parked() {
    let banco = Banco::open().await;
    let settings = CommitterSettings { handler: Duration::from_millis(500), ..HASTY };
    let oyente = Oyente::with(&banco, broker(&banco), settings).await;
    let (stuck, good) = (Uuid::now_v7(), Uuid::now_v7());
    oyente.faults.slow.lock().unwrap().insert(stuck, FOR_EVER);
    send(&banco, &[stuck, good], 1, 2).await;
    reaches(&banco, good, 2).await;
    eventually("both of the key are parked", || async { (parked(&banco).await == 2).then_some(()) }).await;
    let db = banco.look().await;
    let head = db.query_one("SELECT reason, dead FROM parked ORDER BY n LIMIT 1", &[]).await.unwrap();
    assert_eq!((head.get::<_, &str>(0), head.get(1)), ("the handler took too long", false));
    // It is tried again, and goes on when the handler does.
    oyente.faults.slow.lock().unwrap().clear();
    reaches(&banco, stuck, 2).await;
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_stuck_leaves_the_others_room() {
    const SENT: u32 = 12_000;
    let banco = Banco::open().await;
    let (counting, read) = counting(&banco);
    let oyente = Oyente::subscribe(&banco, counting).await;
    let stuck = Uuid::now_v7();
    oyente.faults.slow.lock().unwrap().insert(stuck, FOR_EVER);
    let first = message(&banco, stuck, 1, "").await;
    let all: Vec<Record> = (1..=SENT).map(|n| numbered(&first, stuck, n)).collect();
    for batch in all.chunks(3_000) {
        broker(&banco).send(batch).await.unwrap();
    }
    let count = reads_no_more(&read, 1_000).await;
    assert!(count < 3_000, "its partition waits after a quarter of the room, {count} are read");
    // Some in each of the other partitions.
    let others: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    send(&banco, &others, 1, 2).await;
    let mut done = 0;
    for other in &others {
        let partition = "SELECT partition FROM broker.messages WHERE key = convert_to($1, 'UTF8')";
        let of = async |id: Uuid| -> i32 {
            banco.look().await.query(partition, &[&id.to_string()]).await.unwrap()[0].get(0)
        };
        if of(*other).await != of(stuck).await {
            reaches(&banco, *other, 2).await;
            done += 1;
        }
    }
    assert!(done > 0, "all of twenty keys have the partition of the one that is stuck");
    assert_eq!(parked(&banco).await, 0);
    // And its partition goes on beyond what was read when its handler does.
    oyente.faults.slow.lock().unwrap().clear();
    eventually("its partition goes on", || async { (read.load(Relaxed) > count + 40).then_some(()) }).await;
    oyente.stop().await;
}

/// The n-th message about something, without a schema registry for each.
fn numbered(first: &Record, id: Uuid, n: u32) -> Record {
    let mut record = first.clone();
    record.headers[0].1 = format!("{id}-{n}");
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_in_work_are_bounded_in_bytes() {
    const LARGE: usize = 900_000;
    let banco = Banco::open().await;
    let holder = banco.look().await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/pruebas', 0))")
        .await
        .unwrap();
    let first = message(&banco, Uuid::now_v7(), 1, "").await;
    let large: Vec<Record> = (0..80)
        .map(|n| {
            let mut record = numbered(&first, Uuid::now_v7(), n);
            record.key = format!("clave-{n}");
            record.headers.push(("relleno".into(), "x".repeat(LARGE)));
            record
        })
        .collect();
    for batch in large.chunks(10) {
        broker(&banco).send(batch).await.unwrap();
    }
    let (counting, read) = counting(&banco);
    let oyente = Oyente::subscribe(&banco, counting).await;
    let count = reads_no_more(&read, 10).await;
    // 16 MiB, one batch of 4 MiB, and one message of each partition.
    assert!(count * LARGE < 28_000_000, "{count} messages of {LARGE} bytes are in work");
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("all are read", || async { (read.load(Relaxed) >= large.len()).then_some(()) }).await;
    oyente.stop().await;
}
