//! Contexts are apart in the database, too: the role of one is refused everything of another.

use crate::model::MIGRATIONS;
use diesel_async::SimpleAsyncConnection;
use seedwork::testing::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_a_context_is_refused_the_schema_of_another() {
    let contexts = ["pruebas", "ajenas"];
    let database = TestDatabase::create(contexts.map(|context| (context, MIGRATIONS)).into()).await.unwrap();
    for (own, other) in [("pruebas", "ajenas"), ("ajenas", "pruebas")] {
        let mut db = database.context(own).unwrap().connect().await.unwrap();
        db.batch_execute(&format!("SELECT * FROM {own}.cuentas; DELETE FROM {own}.cuentas")).await.unwrap();
        for statement in [
            "SELECT * FROM {}.cuentas",
            "SELECT * FROM {}.outbox",
            "SELECT * FROM {}.inbox",
            "INSERT INTO {}.cuentas (id, email, saldo, version) VALUES (gen_random_uuid(), 'x', 0, 1)",
            "UPDATE {}.cuentas SET saldo = 1",
            "DELETE FROM {}.cuentas",
            "TRUNCATE {}.cuentas",
            "CREATE TABLE {}.tabla ()",
            "DROP TABLE {}.cuentas",
            "ALTER TABLE {}.cuentas ADD COLUMN x integer",
            "SELECT c.* FROM cuentas c JOIN {}.cuentas USING (id)",
        ] {
            let refused = db.batch_execute(&statement.replace("{}", other)).await.unwrap_err().to_string();
            assert_eq!(refused, format!("permission denied for schema {other}"), "{own}: {statement}");
        }
    }
}
