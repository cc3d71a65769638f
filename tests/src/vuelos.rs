//! A client of the context `vuelos`, in the words of the business.

use crate::sta::Sta;
use serde_json::{Value, json};
use uuid::Uuid;

/// The body of the original's clients: a flight from Bogotá to New York without a cliente.
pub fn bog_jfk() -> Value {
    json!({ "itinerarios": [{ "odos": [{ "segmentos": [{ "legs": [{
        "fecha_salida": "2022-11-22T13:10:00Z",
        "fecha_llegada": "2022-11-22T15:10:00Z",
        "destino": { "codigo": "JFK", "nombre": "John F. Kennedy International Airport" },
        "origen": { "codigo": "BOG", "nombre": "El Dorado - Bogotá International Airport (BOG)" },
    }] }] }] }] })
}

/// The same body for a cliente.
pub fn para(cliente: Uuid) -> Value {
    let mut reserva = bog_jfk();
    reserva["id_cliente"] = json!(cliente);
    reserva
}

impl Sta {
    /// The reservas of this server.
    pub fn vuelos(&self) -> Vuelos<'_> {
        Vuelos(self)
    }
}

/// The reservas of a running `sta-api`.
#[derive(Clone, Copy)]
pub struct Vuelos<'a>(&'a Sta);

impl Vuelos<'_> {
    /// Books flights and returns the id of the reserva.
    ///
    /// # Panics
    ///
    /// It is refused.
    pub async fn reservar(self, reserva: &Value) -> Uuid {
        let answer = self.0.post("/vuelos/reserva-comando", reserva).await.expect("the server is there");
        assert_eq!(answer.0, 202, "{}", answer.1);
        answer.1["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }

    /// Posts a change: `aprobar`, `pagar` or `cancelar`. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// The server is gone.
    pub async fn pedir(self, verb: &str, reserva: Uuid) -> (u16, Value) {
        let body = json!({ "id_reserva": reserva, "motivo": "ya no viaja" });
        self.0.post(&format!("/vuelos/{verb}-reserva-comando"), &body).await.expect("the server is there")
    }

    /// Posts a change that is accepted.
    ///
    /// # Panics
    ///
    /// It is refused.
    pub async fn cambiar(self, verb: &str, reserva: Uuid) {
        let (status, answer) = self.pedir(verb, reserva).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// A reserva, if there is one.
    ///
    /// # Panics
    ///
    /// The server is gone.
    pub async fn buscar(self, reserva: Uuid) -> Option<Value> {
        let (status, answer) = self.0.get(&format!("/vuelos/reserva/{reserva}")).await.expect("the server is there");
        (status == 200).then_some(answer)
    }

    /// The estado of a reserva.
    ///
    /// # Panics
    ///
    /// There is no such reserva.
    pub async fn estado(self, reserva: Uuid) -> String {
        let reserva = self.buscar(reserva).await.expect("there is such a reserva");
        reserva["estado"].as_str().expect("an estado").to_owned()
    }

    /// The first 200 items of a list: `reservas?estado=Pendiente`.
    ///
    /// # Panics
    ///
    /// There is no such list.
    pub async fn lista(self, which: &str) -> Vec<Value> {
        let and = if which.contains('?') { '&' } else { '?' };
        let (status, list) = self.0.get(&format!("/vuelos/{which}{and}limite=200")).await.expect("the server is there");
        assert_eq!(status, 200, "{list}");
        list["items"].as_array().expect("items").clone()
    }
}
