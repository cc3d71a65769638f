//! The promises of the group committer.

use crate::{
    fixture::{Fixture, HASTY, PATIENT},
    model::{AccountId, Deposit, DepositTwice, Open, OpenUnpublished, OrderId, PlaceOrder, Transfer},
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
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(Open { id, email: email(1) }).await.unwrap();
    assert_eq!(fixture.balance(id).await, Some(0));
    assert_eq!(fixture.log().await, [(1, id.into(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_committed_at_once_share_transactions_and_leave_no_gap() {
    let fixture = Fixture::open().await;
    let ids: Vec<_> = (0..500).map(|_| AccountId::new()).collect();
    let given = ids.iter().enumerate().map(|(n, id)| fixture.give(Open { id: *id, email: email(n) }));
    assert!(join_all(given).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(fixture.log().await.len(), 500);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM accounts";
    let transactions: i64 = fixture.look().await.query_one(transactions, &[]).await.unwrap().get(0);
    assert!(transactions < 100, "500 units took {transactions} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_collides_fails_alone_with_the_name_of_the_constraint() {
    let fixture = Fixture::open().await;
    let taken = AccountId::new();
    fixture.give(Open { id: taken, email: email(0) }).await.unwrap();
    // In one group: a taken email, a taken id, the same new email twice, and 200 valid units.
    let new = |n| Open { id: AccountId::new(), email: email(n) };
    let mut given = vec![new(0), Open { id: taken, email: email(1_000) }, new(2_000), new(2_000)];
    given.extend((1..=200).map(new));
    let outcomes = join_all(given.into_iter().map(|command| fixture.give(command))).await;
    assert_eq!(outcomes[0], Err(StorageError::Unique("unique_email".into())));
    assert_eq!(outcomes[1], Err(StorageError::Unique("accounts_pkey".into())));
    assert_eq!(outcomes[2..4].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes[2..4].contains(&Err(StorageError::Unique("unique_email".into()))));
    assert!(outcomes[4..].iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(fixture.log().await.len(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_postgresql_refuses_fail_alone() {
    let fixture = Fixture::open().await;
    let new = |email: String| fixture.give(Open { id: AccountId::new(), email });
    let mut given: Vec<_> = (0..50).map(|n| new(email(n))).collect();
    // PostgreSQL has no NUL in a text: the whole statement fails, and the error names no unit.
    given.insert(25, new("a\0b".into()));
    // A value longer than an index row can be.
    given.insert(30, new((0..20_000).map(|n: u32| char::from_u32(0x4e00 + n % 20_000).unwrap()).collect()));
    let outcomes = join_all(given).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match n {
            25 | 30 => assert!(matches!(outcome, Err(StorageError::Invalid(_))), "{n}: {outcome:?}"),
            _ => assert_eq!(outcome, &Ok(()), "{n}"),
        }
    }
    assert_eq!(fixture.log().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_for_one_unit_fails_it_alone() {
    let fixture = Fixture::open().await;
    // The errors 42P01, P0001 and 57014 neither blame the data nor name the unit.
    let trigger = "\
        CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          IF NEW.email = 'missing' THEN PERFORM * FROM missing; END IF; \
          IF NEW.email = 'raised' THEN RAISE EXCEPTION 'refused'; END IF; \
          IF NEW.email = 'slow' THEN PERFORM pg_sleep(60); END IF; \
          RETURN NEW; END $$; \
        CREATE TRIGGER break BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION break()";
    fixture.look().await.batch_execute(trigger).await.unwrap();
    let new = |email: String| fixture.give(Open { id: AccountId::new(), email });
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
    assert_eq!(fixture.log().await.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_time_out_apart_are_not_all_waited_for() {
    let fixture = Fixture::open().await;
    let ids: Vec<_> = (0..40).map(|_| AccountId::new()).collect();
    let opened = ids.iter().enumerate().map(|(n, id)| fixture.give(Open { id: *id, email: email(n) }));
    assert!(join_all(opened).await.iter().all(Result::is_ok));
    let holder = fixture.look().await;
    holder.batch_execute("BEGIN; SELECT FROM accounts FOR UPDATE").await.unwrap();
    let asked = Instant::now();
    let outcomes = join_all(ids.iter().map(|id| fixture.give(Deposit { id: *id }))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < PATIENT.deadline * 3 / 4, "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert!(join_all(ids.iter().map(|id| fixture.give(Deposit { id: *id }))).await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_a_defect_of_the_units_that_write_it() {
    let fixture = Fixture::open().await;
    fixture.look().await.batch_execute("DROP TABLE order_summaries").await.unwrap();
    let (broken, others) = tokio::join!(
        fixture.give(PlaceOrder { id: OrderId::new(), lines: vec!["a".into()] }),
        join_all((0..20).map(|n| fixture.give(Open { id: AccountId::new(), email: email(n) }))),
    );
    assert!(matches!(broken, Err(StorageError::Defect(_))), "{broken:?}");
    assert!(others.iter().all(Result::is_ok), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_of_the_inbox_is_a_defect() {
    let fixture = Fixture::open().await;
    fixture.look().await.batch_execute("ALTER TABLE inbox DROP COLUMN state").await.unwrap();
    let outcome = fixture.give(OpenUnpublished { id: AccountId::new(), email: email(1) }).await;
    assert!(matches!(outcome, Err(StorageError::Defect(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_unit_does_not_decide_what_the_database_may_take() {
    let fixture = Fixture::open().await;
    let note = "\
        CREATE TABLE limits (statement text, lock text, idle text); GRANT INSERT ON limits TO sta_engine; \
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
          INSERT INTO limits VALUES (current_setting('statement_timeout'), current_setting('lock_timeout'), \
          current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$; \
        CREATE TRIGGER note BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION note()";
    let db = fixture.look().await;
    db.batch_execute(note).await.unwrap();
    let hasty = fixture.another_bus(HASTY);
    fixture.give(Open { id: AccountId::new(), email: email(1) }).await.unwrap();
    hasty.dispatch(Open { id: AccountId::new(), email: email(2) }, &Cause::new()).await.unwrap();
    let seen =
        db.query("SELECT statement, lock, idle, count(*)::int4 FROM limits GROUP BY 1, 2, 3", &[]).await.unwrap();
    let seen: Vec<(String, String, String, i32)> =
        seen.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert_eq!(seen, [("3s".into(), "2500ms".into(), "1500ms".into(), 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_another_process_took_fails_alone_and_is_tried_again() {
    let fixture = Fixture::open().await;
    let (id, other) = (AccountId::new(), AccountId::new());
    fixture.give(Open { id, email: email(1) }).await.unwrap();
    fixture.give(Open { id: other, email: email(2) }).await.unwrap();
    let rival = fixture.another_bus(PATIENT);
    let cause = Cause::new();
    let ours = (0..20).map(|_| fixture.give(Deposit { id }));
    let theirs = (0..20).map(|_| rival.dispatch(Deposit { id }, &cause));
    let neighbours = (0..20).map(|_| fixture.give(Deposit { id: other }));
    let (ours, theirs, neighbours) = tokio::join!(join_all(ours), join_all(theirs), join_all(neighbours));
    let done = ours.iter().chain(&theirs).filter(|outcome| outcome.is_ok()).count();
    assert!(
        ours.iter().chain(&theirs).all(|outcome| matches!(outcome, Ok(()) | Err(StorageError::ConcurrencyConflict)))
    );
    assert_eq!(fixture.balance(id).await, Some(i64::try_from(done).unwrap()), "a deposit is lost or done twice");
    assert!(neighbours.iter().all(Result::is_ok));
    let versions: Vec<_> =
        fixture.log().await.iter().filter(|(_, key, _)| *key == Uuid::from(id)).map(|e| e.2).collect();
    assert!((1..).zip(&versions).all(|(n, version)| n == *version), "{versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_commands_at_once_on_one_aggregate_are_all_handled() {
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(Open { id, email: email(1) }).await.unwrap();
    let outcomes = join_all((0..30).map(|_| fixture.give(Deposit { id }))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(fixture.balance(id).await, Some(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_cross_over_two_aggregates_neither_deadlock_nor_lose() {
    let fixture = Fixture::open().await;
    let (a, b) = (AccountId::new(), AccountId::new());
    fixture.give(Open { id: a, email: email(1) }).await.unwrap();
    fixture.give(Open { id: b, email: email(2) }).await.unwrap();
    let forth = (0..50).map(|_| fixture.give(Transfer { from: a, to: b }));
    let back = (0..30).map(|_| fixture.give(Transfer { from: b, to: a }));
    let (forth, back) = tokio::join!(join_all(forth), join_all(back));
    let done = |outcomes: &[Result<(), StorageError>]| outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let moved = i64::try_from(done(&forth)).unwrap() - i64::try_from(done(&back)).unwrap();
    assert_eq!((fixture.balance(a).await, fixture.balance(b).await), (Some(-moved), Some(moved)));
    assert!(forth.iter().chain(&back).all(Result::is_ok), "{forth:?} {back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_of_one_aggregate_in_one_unit_are_both_kept() {
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(Open { id, email: email(1) }).await.unwrap();
    fixture.give(DepositTwice { id }).await.unwrap();
    assert_eq!(fixture.balance(id).await, Some(2));
    let versions: Vec<_> = fixture.log().await.iter().map(|entry| entry.2).collect();
    assert_eq!(versions, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_replaced_with_their_root_and_a_reaction_joins_the_transaction() {
    let fixture = Fixture::open().await;
    let id = OrderId::new();
    let lines = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    fixture.give(PlaceOrder { id, lines: lines(&["a", "b"]) }).await.unwrap();
    fixture.give(PlaceOrder { id, lines: lines(&["b", "c", "d", "e"]) }).await.unwrap();
    let db = fixture.look().await;
    let kept = db.query("SELECT item FROM lines WHERE order_id = $1 ORDER BY n", &[&Uuid::from(id)]).await;
    let kept: Vec<String> = kept.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["b", "c", "d", "e", ""], "the reaction did not add the last line");
    assert_eq!(fixture.log().await.len(), 3);
    let shown = db.query_one("SELECT lines, version FROM order_summaries", &[]).await.unwrap();
    assert_eq!((shown.get::<_, i32>(0), shown.get::<_, i32>(1)), (5, 3), "the read model does not show the newest row");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_row_never_replaces_a_newer_one_in_a_read_model() {
    let fixture = Fixture::open().await;
    let db = fixture.look().await;
    let id = OrderId::new();
    let newer = "INSERT INTO order_summaries (order_id, lines, version) VALUES ($1, 77, 99)";
    db.execute(newer, &[&Uuid::from(id)]).await.unwrap();
    fixture.give(PlaceOrder { id, lines: vec!["a".into()] }).await.unwrap();
    let shown: i32 = db.query_one("SELECT lines FROM order_summaries", &[]).await.unwrap().get(0);
    assert_eq!(shown, 77);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_without_messages_is_committed_too() {
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(OpenUnpublished { id, email: email(1) }).await.unwrap();
    assert_eq!(fixture.balance(id).await, Some(0));
    assert!(fixture.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_number_one_log_without_a_gap() {
    let fixture = Fixture::open().await;
    let rival = fixture.another_bus(PATIENT);
    let cause = Cause::new();
    let ours = (0..300).map(|n| fixture.give(Open { id: AccountId::new(), email: email(n) }));
    let theirs = (0..300).map(|n| rival.dispatch(Open { id: AccountId::new(), email: email(n % 250) }, &cause));
    let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
    let done = ours.iter().chain(&theirs).filter(|outcome| outcome.is_ok()).count();
    assert_eq!(done, 300, "an email was taken twice: {ours:?} {theirs:?}");
    assert_eq!(fixture.log().await.len(), 300);
}
