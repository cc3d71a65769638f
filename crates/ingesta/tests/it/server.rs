//! The context's routes over a database of the test's own.

use diesel_async::AsyncPgConnection;
use seedwork::{
    infrastructure::http::testing::{Answer, TestServer},
    testing::TestDatabase,
};
use serde_json::json;

/// The running context.
pub(crate) struct Ingestas {
    server: TestServer,
    database: TestDatabase,
}

impl Ingestas {
    pub(crate) async fn start() -> Self {
        let module = ingesta::infrastructure::module();
        let database = TestDatabase::create(vec![(module.name, (module.migrations)())]).await.expect("a database");
        let place = database.context(module.name).expect("the database's address is one");
        let server = TestServer::start(&module, place).await.expect("the context starts");
        Self { server, database }
    }

    /// A connection to the context's schema.
    pub(crate) async fn look(&self) -> AsyncPgConnection {
        let place = self.database.context("ingesta").expect("the database's address is one");
        place.connect().await.expect("the database answers")
    }

    pub(crate) fn server(&self) -> &TestServer {
        &self.server
    }

    /// Hands an image in, and answers the id of its ingesta.
    pub(crate) async fn crear(&self, id_proveedor: &str, id_paciente: &str) -> String {
        let url = "https://imagenes.example/torax.dcm";
        let body = json!({"id_proveedor": id_proveedor, "id_paciente": id_paciente, "url_path": url});
        let answer = self.server.post("/ingesta/crear-ingesta-comando", body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Asks for a change: `alertar`.
    pub(crate) async fn cambiar(&self, verb: &str, id: &str) -> Answer {
        let body = json!({"id_ingesta": id, "motivo": "imagen borrosa"});
        self.server.post(&format!("/ingesta/{verb}-ingesta-comando"), body).await
    }

    pub(crate) async fn por_id(&self, id: &str) -> Answer {
        self.server.get(&format!("/ingesta/consulta-por-id/{id}")).await
    }

    /// The ids of a list, over all of its pages.
    pub(crate) async fn todas(&self, query: &str) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = self.server.get(&format!("/ingesta/todas?{query}{cursor}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let items = answer.body["items"].as_array().expect("items");
            ids.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
            match answer.body["siguiente"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }
}
