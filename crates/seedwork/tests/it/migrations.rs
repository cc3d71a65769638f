//! What a context's first migrations may get wrong.

use diesel_migrations::embed_migrations;
use seedwork::{infrastructure::postgres::Migrations, testing::TestDatabase};

const CLASHING: Migrations = embed_migrations!("tests/clashing-migrations");

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_with_the_version_of_one_of_the_engine_is_refused_and_not_skipped() {
    let refused = TestDatabase::create(vec![("pruebas", CLASHING)]).await.map(drop).unwrap_err().to_string();
    assert!(
        refused.contains("the schema pruebas cannot be migrated") && refused.contains("have one version"),
        "{refused}"
    );
    assert!(refused.contains("2026-11-24-000000_clash") && refused.contains("2026-11-24-000000_log"), "{refused}");
}
