//! The `CHECK` of a column and its `choice!` list the same names.

use sta_tests::{
    guard::{
        choices::{Check, checks_without_choice},
        tree::Tree,
    },
    place::Place,
    sta,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_check_admits_exactly_the_names_of_a_choice() {
    let (place, tree) = (Place::embedded(), Tree::workspace());
    let sta = place.start().await;
    sta.becomes_ready().await;
    let db = sta::database(place.home()).await.unwrap();
    let all = "SELECT schema.nspname, tables.relname, pg_get_constraintdef(checks.oid) FROM pg_constraint AS checks \
               JOIN pg_class AS tables ON tables.oid = checks.conrelid \
               JOIN pg_namespace AS schema ON schema.oid = tables.relnamespace \
               WHERE checks.contype = 'c' AND schema.nspname = ANY ($1)";
    let contexts = tree.contexts();
    let rows = db.query(all, &[&contexts]).await.unwrap();
    let check = |row: &tokio_postgres::Row| Check { context: row.get(0), table: row.get(1), definition: row.get(2) };
    let checks: Vec<Check> = rows.iter().map(check).collect();
    for context in &contexts {
        assert!(checks.iter().any(|check| check.context == *context), "the schema {context} has no check at all");
    }
    let wrong = checks_without_choice(&tree, &checks);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(sta.stop().await.0, 0);
}
