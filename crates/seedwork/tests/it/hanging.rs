//! A command whose handler hangs is given up at the deadline of a request, with all that it holds.

use crate::model::{Abonar, Abrir, Banco, Colgar, CuentaId, HASTY};
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
    let banco = Banco::with(CommitterSettings { deadline: Duration::from_secs(1), ..HASTY }).await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: "una".into() }).await.unwrap();
    let hung = tokio::time::timeout(Duration::from_secs(20), banco.give(Colgar { id })).await;
    assert_eq!(slug(hung.expect("it is given up")), "no-disponible");
    assert_eq!(banco.saldo(id).await, Some(0));
    banco.give(Abonar { id }).await.unwrap();
    // One that waits for the lane meanwhile is served when it is free, or told in time.
    let (hung, waited) = join(banco.give(Colgar { id }), banco.give(Abonar { id })).await;
    assert_eq!(slug(hung), "no-disponible");
    assert!(waited.is_ok() || slug(waited.clone()) == "no-disponible", "{waited:?}");
    banco.give(Abonar { id }).await.unwrap();
    assert_eq!(banco.saldo(id).await, Some(if waited.is_ok() { 3 } else { 2 }));
}
