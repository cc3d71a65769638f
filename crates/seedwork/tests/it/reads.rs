//! Grouped reads: whoever asks is answered, on whatever thread, and whoever read there before.

use crate::{
    model::{Abrir, Banco, CuentaId},
    tables::CuentaRow,
};
use futures_util::future::join_all;
use seedwork::infrastructure::postgres::{AggregateRows as _, Root as _};
use std::thread;
use tokio::runtime;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn every_thread_is_answered_also_after_the_one_that_read_for_it_has_ended() {
    let banco = Banco::open().await;
    let ids: Vec<CuentaId> = (0..30).map(|_| CuentaId::new()).collect();
    for id in &ids {
        banco.give(Abrir { id: *id, email: format!("{id}@example.com") }).await.unwrap();
    }
    let reads = banco.bus.factory().reads::<CuentaRow>();
    let read_all = async || {
        let found = join_all(ids.iter().map(|id| reads.by_id((*id).into()))).await;
        let found: Vec<CuentaId> = found.into_iter().map(|row| row.unwrap().unwrap().root().id().into()).collect();
        assert_eq!(found, ids);
        assert!(reads.by_id(Uuid::now_v7()).await.unwrap().is_none());
    };
    // More threads than read by themselves, each with one runtime after another.
    thread::scope(|scope| {
        for _ in 0..9 {
            scope.spawn(|| {
                for _ in 0..2 {
                    let alone = runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    alone.block_on(read_all());
                }
            });
        }
    });
    read_all().await;
}
