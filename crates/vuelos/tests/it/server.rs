//! The context's routes over a database of the test's own.

use seedwork::{
    infrastructure::http::testing::{TestResponse, TestServer},
    testing::TestContext,
};
use serde_json::{Value, json};

/// The running context.
pub(crate) struct Vuelos(pub(crate) TestContext);

/// A body of the original's clients: from Bogotá to New York.
pub(crate) fn bog_jfk() -> Value {
    json!({"itinerarios": [{"odos": [{"segmentos": [{"legs": [{
        "fecha_salida": "2022-11-22T13:10:00Z",
        "fecha_llegada": "2022-11-22T15:10:00Z",
        "destino": {"codigo": "JFK", "nombre": "John F. Kennedy International Airport"},
        "origen": {"codigo": "BOG", "nombre": "El Dorado - Bogotá International Airport (BOG)"},
    }]}]}]}]})
}

/// The same, for a cliente.
pub(crate) fn para(id_cliente: &str) -> Value {
    let mut body = bog_jfk();
    body["id_cliente"] = json!(id_cliente);
    body
}

impl Vuelos {
    pub(crate) async fn start() -> Self {
        Self(TestContext::start(vuelos::infrastructure::module()).await)
    }

    pub(crate) fn server(&self) -> &TestServer {
        self.0.server()
    }

    /// Books flights, and answers the id of the reserva.
    pub(crate) async fn reservar(&self, body: &Value) -> String {
        let answer = self.server().post("/vuelos/reserva-comando", body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Asks for a change: `aprobar`.
    pub(crate) async fn cambiar(&self, verb: &str, id: &str) -> TestResponse {
        let body = json!({"id_reserva": id, "motivo": "ya no viaja"});
        self.server().post(&format!("/vuelos/{verb}-reserva-comando"), body).await
    }

    pub(crate) async fn por_id(&self, id: &str) -> TestResponse {
        self.server().get(&format!("/vuelos/reserva/{id}")).await
    }
}
