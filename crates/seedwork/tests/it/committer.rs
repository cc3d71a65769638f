//! What the group committer promises.

use crate::model::{
    Abonar, AbonarDosVeces, Abrir, AbrirCallado, Banco, CuentaId, HASTY, PATIENT, PedidoId, Pedir, Traspasar,
};
use futures_util::future::join_all;
use seedwork::application::{Cause, StorageError};
use std::time::Instant;
use uuid::Uuid;

fn email(n: usize) -> String {
    format!("{n}@example.com")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_state_and_events_in_one_transaction() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: email(1) }).await.unwrap();
    assert_eq!(banco.saldo(id).await, Some(0));
    assert_eq!(banco.log().await, [(1, id.into(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_transactions_and_leave_no_gap() {
    let banco = Banco::open().await;
    let ids: Vec<_> = (0..500).map(|_| CuentaId::new()).collect();
    let given = ids.iter().enumerate().map(|(n, id)| banco.give(Abrir { id: *id, email: email(n) }));
    assert!(join_all(given).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(banco.log().await.len(), 500);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM cuentas";
    let transactions: i64 = banco.look().await.query_one(transactions, &[]).await.unwrap().get(0);
    assert!(transactions < 100, "500 units took {transactions} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_collides_fails_alone_and_is_told_the_constraint() {
    let banco = Banco::open().await;
    let taken = CuentaId::new();
    banco.give(Abrir { id: taken, email: email(0) }).await.unwrap();
    // In one group: a taken email, a taken id, twice the same new email, and 200 that are well.
    let new = |n| Abrir { id: CuentaId::new(), email: email(n) };
    let mut given = vec![new(0), Abrir { id: taken, email: email(1_000) }, new(2_000), new(2_000)];
    given.extend((1..=200).map(new));
    let outcomes = join_all(given.into_iter().map(|command| banco.give(command))).await;
    assert_eq!(outcomes[0], Err(StorageError::Unique("email_unico".into())));
    assert_eq!(outcomes[1], Err(StorageError::Unique("cuentas_pkey".into())));
    assert_eq!(outcomes[2..4].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes[2..4].contains(&Err(StorageError::Unique("email_unico".into()))));
    assert!(outcomes[4..].iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(banco.log().await.len(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_postgresql_refuses_fail_alone() {
    let banco = Banco::open().await;
    let new = |email: String| banco.give(Abrir { id: CuentaId::new(), email });
    let mut given: Vec<_> = (0..50).map(|n| new(email(n))).collect();
    // NUL has no place in a text of PostgreSQL: an error of the whole statement, which names no unit.
    given.insert(25, new("a\0b".into()));
    // Longer than an index row can be.
    given.insert(30, new((0..20_000).map(|n: u32| char::from_u32(0x4e00 + n % 20_000).unwrap()).collect()));
    let outcomes = join_all(given).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match n {
            25 | 30 => assert!(matches!(outcome, Err(StorageError::Invalid(_))), "{n}: {outcome:?}"),
            _ => assert_eq!(outcome, &Ok(()), "{n}"),
        }
    }
    assert_eq!(banco.log().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_for_one_unit_fails_it_alone() {
    let banco = Banco::open().await;
    // 42P01, P0001 and 57014: none of them says that the data are wrong, and none names the unit.
    let trigger = "\
        CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          IF NEW.email = 'missing' THEN PERFORM * FROM missing; END IF; \
          IF NEW.email = 'raised' THEN RAISE EXCEPTION 'refused'; END IF; \
          IF NEW.email = 'slow' THEN PERFORM pg_sleep(60); END IF; \
          RETURN NEW; END $$; \
        CREATE TRIGGER break BEFORE INSERT ON cuentas FOR EACH ROW EXECUTE FUNCTION break()";
    banco.look().await.batch_execute(trigger).await.unwrap();
    let new = |email: String| banco.give(Abrir { id: CuentaId::new(), email });
    for bad in ["missing", "raised", "slow"] {
        let mut given: Vec<_> = (0..20).map(|n| new(format!("{bad}-{n}"))).collect();
        given.insert(10, new(bad.into()));
        let mut outcomes = join_all(given).await;
        match outcomes.remove(10) {
            Err(StorageError::Defect(_)) => assert_ne!(bad, "slow"),
            refused => assert_eq!((bad, refused), ("slow", Err(StorageError::Unavailable))),
        }
        assert!(outcomes.iter().all(Result::is_ok), "{bad}: {outcomes:?}");
    }
    assert_eq!(banco.log().await.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_time_out_apart_are_not_all_waited_for() {
    let banco = Banco::open().await;
    let ids: Vec<_> = (0..40).map(|_| CuentaId::new()).collect();
    let opened = ids.iter().enumerate().map(|(n, id)| banco.give(Abrir { id: *id, email: email(n) }));
    assert!(join_all(opened).await.iter().all(Result::is_ok));
    let holder = banco.look().await;
    holder.batch_execute("BEGIN; SELECT FROM cuentas FOR UPDATE").await.unwrap();
    let asked = Instant::now();
    let outcomes = join_all(ids.iter().map(|id| banco.give(Abonar { id: *id }))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < PATIENT.deadline * 3 / 4, "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert!(join_all(ids.iter().map(|id| banco.give(Abonar { id: *id }))).await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_a_defect_of_the_units_that_write_it() {
    let banco = Banco::open().await;
    banco.look().await.batch_execute("DROP TABLE resumenes").await.unwrap();
    let (broken, others) = tokio::join!(
        banco.give(Pedir { id: PedidoId::new(), lineas: vec!["a".into()] }),
        join_all((0..20).map(|n| banco.give(Abrir { id: CuentaId::new(), email: email(n) }))),
    );
    assert!(matches!(broken, Err(StorageError::Defect(_))), "{broken:?}");
    assert!(others.iter().all(Result::is_ok), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_of_the_inbox_is_a_defect() {
    let banco = Banco::open().await;
    banco.look().await.batch_execute("ALTER TABLE inbox DROP COLUMN state").await.unwrap();
    let outcome = banco.give(AbrirCallado { id: CuentaId::new(), email: email(1) }).await;
    assert!(matches!(outcome, Err(StorageError::Defect(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_unit_does_not_decide_what_the_database_may_take() {
    let banco = Banco::open().await;
    let note = "\
        CREATE TABLE limits (statement text, lock text, idle text); GRANT INSERT ON limits TO sta_pruebas; \
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          INSERT INTO limits VALUES (current_setting('statement_timeout'), current_setting('lock_timeout'), \
          current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$; \
        CREATE TRIGGER note BEFORE INSERT ON cuentas FOR EACH ROW EXECUTE FUNCTION note()";
    let db = banco.look().await;
    db.batch_execute(note).await.unwrap();
    let hasty = crate::model::bus(&banco.database.context("pruebas").unwrap(), HASTY, &banco.supervisor);
    banco.give(Abrir { id: CuentaId::new(), email: email(1) }).await.unwrap();
    hasty.dispatch(Abrir { id: CuentaId::new(), email: email(2) }, &Cause::new()).await.unwrap();
    let seen =
        db.query("SELECT statement, lock, idle, count(*)::int4 FROM limits GROUP BY 1, 2, 3", &[]).await.unwrap();
    let seen: Vec<(String, String, String, i32)> =
        seen.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert_eq!(seen, [("3s".into(), "2500ms".into(), "1500ms".into(), 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_another_process_took_fails_alone_and_is_tried_again() {
    let banco = Banco::open().await;
    let (id, other) = (CuentaId::new(), CuentaId::new());
    banco.give(Abrir { id, email: email(1) }).await.unwrap();
    banco.give(Abrir { id: other, email: email(2) }).await.unwrap();
    let rival = crate::model::bus(&banco.database.context("pruebas").unwrap(), PATIENT, &banco.supervisor);
    let cause = Cause::new();
    let ours = (0..20).map(|_| banco.give(Abonar { id }));
    let theirs = (0..20).map(|_| rival.dispatch(Abonar { id }, &cause));
    let neighbours = (0..20).map(|_| banco.give(Abonar { id: other }));
    let (ours, theirs, neighbours) = tokio::join!(join_all(ours), join_all(theirs), join_all(neighbours));
    let handled = ours.iter().chain(&theirs).filter(|outcome| outcome.is_ok()).count();
    assert!(
        ours.iter().chain(&theirs).all(|outcome| matches!(outcome, Ok(()) | Err(StorageError::ConcurrencyConflict)))
    );
    assert_eq!(banco.saldo(id).await, Some(i64::try_from(handled).unwrap()), "none is lost, none is done twice");
    assert!(neighbours.iter().all(Result::is_ok));
    let versions: Vec<_> = banco.log().await.iter().filter(|(_, key, _)| *key == Uuid::from(id)).map(|e| e.2).collect();
    assert!((1..).zip(&versions).all(|(n, version)| n == *version), "{versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_commands_at_once_on_one_aggregate_are_all_handled() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: email(1) }).await.unwrap();
    let outcomes = join_all((0..30).map(|_| banco.give(Abonar { id }))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(banco.saldo(id).await, Some(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_cross_over_two_aggregates_neither_deadlock_nor_lose() {
    let banco = Banco::open().await;
    let (a, b) = (CuentaId::new(), CuentaId::new());
    banco.give(Abrir { id: a, email: email(1) }).await.unwrap();
    banco.give(Abrir { id: b, email: email(2) }).await.unwrap();
    let forth = (0..50).map(|_| banco.give(Traspasar { de: a, a: b }));
    let back = (0..30).map(|_| banco.give(Traspasar { de: b, a }));
    let (forth, back) = tokio::join!(join_all(forth), join_all(back));
    let handled = |outcomes: &[Result<(), StorageError>]| outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let moved = i64::try_from(handled(&forth)).unwrap() - i64::try_from(handled(&back)).unwrap();
    assert_eq!((banco.saldo(a).await, banco.saldo(b).await), (Some(-moved), Some(moved)));
    assert!(forth.iter().chain(&back).all(Result::is_ok), "{forth:?} {back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_of_one_aggregate_in_one_unit_are_both_kept() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: email(1) }).await.unwrap();
    banco.give(AbonarDosVeces { id }).await.unwrap();
    assert_eq!(banco.saldo(id).await, Some(2));
    let versions: Vec<_> = banco.log().await.iter().map(|entry| entry.2).collect();
    assert_eq!(versions, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_replaced_with_their_root_and_a_reaction_joins_the_transaction() {
    let banco = Banco::open().await;
    let id = PedidoId::new();
    let lineas = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    banco.give(Pedir { id, lineas: lineas(&["a", "b"]) }).await.unwrap();
    banco.give(Pedir { id, lineas: lineas(&["b", "c", "d", "e"]) }).await.unwrap();
    let db = banco.look().await;
    let kept = db.query("SELECT articulo FROM lineas WHERE id_pedido = $1 ORDER BY n", &[&Uuid::from(id)]).await;
    let kept: Vec<String> = kept.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["b", "c", "d", "e", ""], "the reaction added the last line");
    assert_eq!(banco.log().await.len(), 3);
    let shown = db.query_one("SELECT lineas, version FROM resumenes", &[]).await.unwrap();
    assert_eq!((shown.get::<_, i32>(0), shown.get::<_, i32>(1)), (5, 3), "the newest is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_row_never_replaces_a_newer_one_in_a_read_model() {
    let banco = Banco::open().await;
    let db = banco.look().await;
    let id = PedidoId::new();
    let newer = "INSERT INTO resumenes (id_pedido, lineas, version) VALUES ($1, 77, 99)";
    db.execute(newer, &[&Uuid::from(id)]).await.unwrap();
    banco.give(Pedir { id, lineas: vec!["a".into()] }).await.unwrap();
    let shown: i32 = db.query_one("SELECT lineas FROM resumenes", &[]).await.unwrap().get(0);
    assert_eq!(shown, 77);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_says_nothing_is_kept_too() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(AbrirCallado { id, email: email(1) }).await.unwrap();
    assert_eq!(banco.saldo(id).await, Some(0));
    assert!(banco.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_number_one_log_without_a_gap() {
    let banco = Banco::open().await;
    let rival = crate::model::bus(&banco.database.context("pruebas").unwrap(), PATIENT, &banco.supervisor);
    let cause = Cause::new();
    let ours = (0..300).map(|n| banco.give(Abrir { id: CuentaId::new(), email: email(n) }));
    let theirs = (0..300).map(|n| rival.dispatch(Abrir { id: CuentaId::new(), email: email(n % 250) }, &cause));
    let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
    let handled = ours.iter().chain(&theirs).filter(|outcome| outcome.is_ok()).count();
    assert_eq!(handled, 300, "each email is taken once: {ours:?} {theirs:?}");
    assert_eq!(banco.log().await.len(), 300);
}
