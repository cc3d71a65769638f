//! Grouped reads answer every caller, on any thread.

use crate::{
    fixture::Fixture,
    model::{AccountId, Open},
    tables::AccountRow,
};
use futures_util::future::join_all;
use seedwork::infrastructure::postgres::{AggregateRows as _, Root as _};
use std::thread;
use tokio::runtime;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn every_thread_is_answered_even_after_the_one_that_read_for_it_has_ended() {
    let fixture = Fixture::open().await;
    let ids: Vec<AccountId> = (0..30).map(|_| AccountId::new()).collect();
    for id in &ids {
        fixture.give(Open { id: *id, email: format!("{id}@example.com") }).await.unwrap();
    }
    let reads = fixture.bus.factory().reads::<AccountRow>();
    let read_all = async || {
        let found = join_all(ids.iter().map(|id| reads.by_id((*id).into()))).await;
        let found: Vec<AccountId> = found.into_iter().map(|row| row.unwrap().unwrap().root().id().into()).collect();
        assert_eq!(found, ids);
        assert!(reads.by_id(Uuid::now_v7()).await.unwrap().is_none());
    };
    // More threads than have a reader of their own, each with one runtime after another.
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
