//! Positions follow the effects: they are noted beside them, never ahead of them, and before a partition is given up.

use crate::{
    consumer::{Oyente, parked, reaches, send},
    model::{Banco, connect},
};
use seedwork::testing::eventually;
use std::time::Instant;
use uuid::Uuid;

/// The number of messages before the positions, in all partitions.
async fn noted(banco: &Banco) -> i64 {
    let sum = "SELECT coalesce(sum(\"offset\"), 0)::int8 FROM positions";
    banco.look().await.query_one(sum, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_do_not_wait_for_positions_to_be_noted() {
    let banco = Banco::open().await;
    let oyente = Oyente::start(&banco).await;
    let id = Uuid::now_v7();
    send(&banco, &[id], 1, 1).await;
    reaches(&banco, id, 1).await;
    eventually("the first is noted", || async { (noted(&banco).await == 1).then_some(()) }).await;
    let holder = connect(banco.database.url()).await;
    holder.batch_execute("BEGIN; LOCK TABLE positions IN EXCLUSIVE MODE").await.unwrap();
    send(&banco, &[id], 2, 50).await;
    reaches(&banco, id, 50).await;
    assert_eq!(noted(&banco).await, 1, "positions follow");
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("positions follow", || async { (noted(&banco).await == 50).then_some(()) }).await;
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_noted_before_a_consumer_stops() {
    let banco = Banco::open().await;
    let ids: Vec<_> = (0..10).map(|_| Uuid::now_v7()).collect();
    let oyente = Oyente::start(&banco).await;
    send(&banco, &ids, 1, 2).await;
    for id in &ids {
        reaches(&banco, *id, 2).await;
    }
    oyente.stop().await;
    assert_eq!(noted(&banco).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_lags_behind_repeats_no_effect() {
    let banco = Banco::open().await;
    let ids: Vec<_> = (0..10).map(|_| Uuid::now_v7()).collect();
    let oyente = Oyente::start(&banco).await;
    send(&banco, &ids, 1, 3).await;
    for id in &ids {
        reaches(&banco, *id, 3).await;
    }
    oyente.stop().await;
    banco.look().await.batch_execute("UPDATE positions SET \"offset\" = 0").await.unwrap();
    let again = Oyente::start(&banco).await;
    eventually("everything is read again", || async { (noted(&banco).await == 30).then_some(()) }).await;
    for id in &ids {
        reaches(&banco, *id, 3).await;
    }
    assert_eq!(parked(&banco).await, 0, "an effect out of order would have failed");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_written_ten_times_a_second_at_most_under_any_load() {
    let banco = Banco::open().await;
    let oyente = Oyente::start(&banco).await;
    let id = Uuid::now_v7();
    send(&banco, &[id], 1, 1).await;
    reaches(&banco, id, 1).await;
    eventually("the first is noted", || async { (noted(&banco).await == 1).then_some(()) }).await;
    let db = banco.look().await;
    db.batch_execute(
        "CREATE SEQUENCE writes; CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql SET search_path = pruebas \
         AS $$ BEGIN PERFORM nextval('writes'); RETURN NULL; END $$; \
         CREATE TRIGGER count_write AFTER UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION count_write(); \
         GRANT ALL ON SEQUENCE writes TO PUBLIC",
    )
    .await
    .unwrap();
    // One key: each message has a commit of its own.
    let began = Instant::now();
    send(&banco, &[id], 2, 400).await;
    reaches(&banco, id, 400).await;
    eventually("all are noted", || async { (noted(&banco).await == 400).then_some(()) }).await;
    let took = began.elapsed();
    let writes: i64 = db.query_one("SELECT last_value FROM writes", &[]).await.unwrap().get(0);
    let most = i64::try_from(took.as_millis()).unwrap() / 100 + 2;
    assert!((1..=most).contains(&writes), "{writes} writes in {took:?}");
    oyente.stop().await;
}
