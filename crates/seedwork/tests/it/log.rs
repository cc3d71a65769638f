//! The log's partitions and numbers.

use crate::model::{Abrir, Banco, CuentaId, PATIENT, bus};
use futures_util::future::join_all;
use seedwork::{application::Cause, infrastructure::postgres::CommitterSettings};
use std::time::{Duration, Instant};

fn new(n: usize) -> Abrir {
    Abrir { id: CuentaId::nuevo(), email: format!("{n}@example.com") }
}

/// Partitions so small that a test crosses many.
const SMALL: CommitterSettings = CommitterSettings { partition_rows: 10, ..PATIENT };

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_there_before_they_are_needed() {
    let banco = Banco::with(SMALL).await;
    for round in 0..10 {
        let outcomes = join_all((0..17).map(|n| banco.give(new(round * 100 + n)))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let log = *banco.bus.units().log().borrow();
        assert!(log.room >= 0, "{log:?}");
    }
    assert_eq!(banco.log().await.len(), 170);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_holds_its_transaction_open_stops_nobody_while_a_partition_is_made() {
    let banco = Banco::with(SMALL).await;
    banco.give(new(0)).await.unwrap();
    let mut reader = banco.look().await;
    let open = reader.transaction().await.unwrap();
    open.query("SELECT * FROM outbox", &[]).await.unwrap();
    let asked = Instant::now();
    let outcomes = join_all((1..=60).map(|n| banco.give(new(n)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    open.rollback().await.unwrap();
    assert_eq!(banco.log().await.len(), 61);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbering_goes_on_from_the_head_that_was_noted_when_partitions_were_dropped() {
    let banco = Banco::open().await;
    banco.look().await.batch_execute("INSERT INTO outbox_head (seq) VALUES (41)").await.unwrap();
    let later = bus(&banco.database.context("pruebas").unwrap(), SMALL, &banco.supervisor);
    later.dispatch(new(1), &Cause::new()).await.unwrap();
    let first: i64 = banco.look().await.query_one("SELECT seq FROM outbox", &[]).await.unwrap().get(0);
    assert_eq!(first, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_itself_notifies_nobody() {
    let banco = Banco::open().await;
    let (client, mut connection) = tokio_postgres::connect(banco.database.url(), tokio_postgres::NoTls).await.unwrap();
    let mut heard = 0;
    let committed = async {
        client.batch_execute("LISTEN sta_log_pruebas").await.unwrap();
        assert!(join_all((0..50).map(|n| banco.give(new(n)))).await.iter().all(Result::is_ok));
        // Behind everything that the commits could have said.
        client.batch_execute("NOTIFY sta_log_pruebas, 'end'").await.unwrap();
        client.batch_execute("SELECT 1").await.unwrap();
    };
    let listened = async {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            heard += usize::from(matches!(message, tokio_postgres::AsyncMessage::Notification(_)));
        }
    };
    tokio::select! {
        () = committed => {}
        () = listened => panic!("the connection ended"),
    }
    assert_eq!(heard, 1, "a NOTIFY in a commit would make all who commit wait for each other");
}
