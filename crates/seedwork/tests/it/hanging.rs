//! A command whose handler hangs is dropped at the deadline of a request, and its locks with it.

use crate::{
    fixture::{Fixture, HASTY},
    model::{AccountId, Deposit, Hang, Open},
};
use futures_util::future::join;
use seedwork::{
    application::{Fault as _, StorageError},
    infrastructure::postgres::CommitterSettings,
};
use std::time::Duration;

fn slug(outcome: Result<(), StorageError>) -> &'static str {
    outcome.unwrap_err().slug()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_handler_hangs_changes_nothing_and_frees_its_lane() {
    let fixture = Fixture::with(CommitterSettings { deadline: Duration::from_secs(1), ..HASTY }).await;
    let id = AccountId::new();
    fixture.give(Open { id, email: "one".into() }).await.unwrap();
    let hung = tokio::time::timeout(Duration::from_secs(20), fixture.give(Hang { id })).await;
    assert_eq!(slug(hung.expect("the command was not dropped at its deadline")), "no-disponible");
    assert_eq!(fixture.balance(id).await, Some(0));
    fixture.give(Deposit { id }).await.unwrap();
    // A command that waits for the lane meanwhile is handled when the lane is free, or refused in time.
    let (hung, waited) = join(fixture.give(Hang { id }), fixture.give(Deposit { id })).await;
    assert_eq!(slug(hung), "no-disponible");
    assert!(waited.is_ok() || slug(waited.clone()) == "no-disponible", "{waited:?}");
    fixture.give(Deposit { id }).await.unwrap();
    assert_eq!(fixture.balance(id).await, Some(if waited.is_ok() { 3 } else { 2 }));
}
