//! The context's routes over a database of the test's own.

use seedwork::{
    infrastructure::http::testing::{TestResponse, TestServer},
    testing::TestContext,
};
use serde_json::{Value, json};

/// The running context.
pub(crate) struct Clientes(pub(crate) TestContext);

pub(crate) const REGISTRAR: &str = "/clientes/registrar-cliente-comando";

/// A person that has this email and this cedula.
pub(crate) fn natural(email: &str, cedula: &str) -> Value {
    json!({
        "tipo": "natural",
        "nombre": {"nombres": "Ana María", "apellidos": "Ñáñez Gil"},
        "email": email,
        "documento": {"tipo": "cedula", "numero": cedula, "ciudad": "Bogotá"},
        "fecha_nacimiento": "1990-02-28",
    })
}

/// A company that has this email and this rut.
pub(crate) fn empresa(email: &str, rut: &str) -> Value {
    json!({
        "tipo": "empresa",
        "razon_social": "Clínica de los Alpes S.A.S.",
        "email": email,
        "documento": {"tipo": "rut", "numero": rut, "ciudad": "Medellín"},
        "fecha_constitucion": "2001-12-31",
    })
}

impl Clientes {
    pub(crate) async fn start() -> Self {
        Self(TestContext::start(clientes::infrastructure::module()).await)
    }

    pub(crate) fn server(&self) -> &TestServer {
        self.0.server()
    }

    /// Asks to take somebody on.
    pub(crate) async fn pedir(&self, body: &Value) -> TestResponse {
        self.server().post(REGISTRAR, body).await
    }

    /// Takes somebody on, and answers the id.
    pub(crate) async fn registrar(&self, body: &Value) -> String {
        let answer = self.pedir(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn desactivar(&self, id: &str) -> TestResponse {
        let body = json!({"id_cliente": id, "motivo": "se va"});
        self.server().post("/clientes/desactivar-cliente-comando", body).await
    }

    pub(crate) async fn por_id(&self, id: &str) -> TestResponse {
        self.server().get(&format!("/clientes/consulta-por-id/{id}")).await
    }

    pub(crate) async fn expediente(&self, id: &str) -> TestResponse {
        self.server().get(&format!("/clientes/{id}/expediente")).await
    }
}
