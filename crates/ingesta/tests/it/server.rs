//! The context's routes over a database of the test's own.

use seedwork::{
    infrastructure::http::testing::{TestResponse, TestServer},
    testing::TestContext,
};
use serde_json::json;

/// The running context.
pub(crate) struct Ingestas(pub(crate) TestContext);

impl Ingestas {
    pub(crate) async fn start() -> Self {
        Self(TestContext::start(ingesta::infrastructure::module()).await)
    }

    pub(crate) fn server(&self) -> &TestServer {
        self.0.server()
    }

    /// Hands an image in, and answers the id of its ingesta.
    pub(crate) async fn crear(&self, id_proveedor: &str, id_paciente: &str) -> String {
        let url = "https://imagenes.example/torax.dcm";
        let body = json!({"id_proveedor": id_proveedor, "id_paciente": id_paciente, "url_path": url});
        let answer = self.server().post("/ingesta/crear-ingesta-comando", body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Asks for a change: `alertar`.
    pub(crate) async fn cambiar(&self, verb: &str, id: &str) -> TestResponse {
        let body = json!({"id_ingesta": id, "motivo": "imagen borrosa"});
        self.server().post(&format!("/ingesta/{verb}-ingesta-comando"), body).await
    }

    pub(crate) async fn por_id(&self, id: &str) -> TestResponse {
        self.server().get(&format!("/ingesta/consulta-por-id/{id}")).await
    }

    /// The ids of a list, over all of its pages.
    pub(crate) async fn todas(&self, query: &str) -> Vec<String> {
        self.server().list(&format!("/ingesta/todas?{query}")).await
    }
}
