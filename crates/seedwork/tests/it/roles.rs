//! Contexts are separate in the database, too: the role of one has no right on the schema of another.

use crate::model::MIGRATIONS;
use diesel_async::SimpleAsyncConnection;
use seedwork::testing::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_a_context_is_refused_the_schema_of_another() {
    let contexts = ["engine", "other"];
    let database = TestDatabase::create(contexts.map(|context| (context, MIGRATIONS)).into()).await.unwrap();
    for (own, other) in [("engine", "other"), ("other", "engine")] {
        let mut db = database.context(own).unwrap().connect().await.unwrap();
        db.batch_execute(&format!("SELECT * FROM {own}.accounts; DELETE FROM {own}.accounts")).await.unwrap();
        for statement in [
            "SELECT * FROM {}.accounts",
            "SELECT * FROM {}.outbox",
            "SELECT * FROM {}.inbox",
            "INSERT INTO {}.accounts (id, email, balance, version) VALUES (gen_random_uuid(), 'x', 0, 1)",
            "UPDATE {}.accounts SET balance = 1",
            "DELETE FROM {}.accounts",
            "TRUNCATE {}.accounts",
            "CREATE TABLE {}.new_table ()",
            "DROP TABLE {}.accounts",
            "ALTER TABLE {}.accounts ADD COLUMN x integer",
            "SELECT c.* FROM accounts c JOIN {}.accounts USING (id)",
        ] {
            let refused = db.batch_execute(&statement.replace("{}", other)).await.unwrap_err().to_string();
            assert_eq!(refused, format!("permission denied for schema {other}"), "{own}: {statement}");
        }
    }
}
