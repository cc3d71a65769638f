//! A client of the context `clientes`, in the words of the business.

use crate::sta::Sta;
use serde_json::{Value, json};
use uuid::Uuid;

/// The registration of a person with an email and a document of its own.
pub fn natural() -> Value {
    let cedula = digits();
    json!({
        "tipo": "natural",
        "nombre": { "nombres": "Ana María", "apellidos": "Ñáñez Gil" },
        "email": format!("n{cedula}@alpes.example"),
        "documento": { "tipo": "cedula", "numero": cedula, "ciudad": "Bogotá" },
        "fecha_nacimiento": "1990-02-28",
    })
}

/// The registration of a company with an email and a document of its own.
pub fn empresa() -> Value {
    let rut = digits();
    json!({
        "tipo": "empresa",
        "razon_social": "Clínica de los Alpes S.A.S.",
        "email": format!("e{rut}@alpes.example"),
        "documento": { "tipo": "rut", "numero": format!("{rut}-8"), "ciudad": "Medellín" },
        "fecha_constitucion": "2001-12-31",
    })
}

fn digits() -> String {
    format!("{:010}", Uuid::now_v7().as_u128() % 10_000_000_000)
}

impl Sta {
    /// The clients of this server.
    pub fn clientes(&self) -> Clientes<'_> {
        Clientes(self)
    }
}

/// The clients of a running `sta-api`.
#[derive(Clone, Copy)]
pub struct Clientes<'a>(&'a Sta);

impl Clientes<'_> {
    /// Posts a registration. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// The server is gone.
    pub async fn pedir(self, cliente: &Value) -> (u16, Value) {
        self.0.post("/clientes/registrar-cliente-comando", cliente).await.expect("the server is there")
    }

    /// Registers a cliente and returns its id.
    ///
    /// # Panics
    ///
    /// It is refused.
    pub async fn registrar(self, cliente: Value) -> Uuid {
        let (status, answer) = self.pedir(&cliente).await;
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }

    /// Posts a deactivation. Returns the status and the body.
    ///
    /// # Panics
    ///
    /// The server is gone.
    pub async fn desactivar(self, cliente: Uuid, motivo: &str) -> (u16, Value) {
        let body = json!({ "id_cliente": cliente, "motivo": motivo });
        self.0.post("/clientes/desactivar-cliente-comando", &body).await.expect("the server is there")
    }

    /// A cliente.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn cliente(self, cliente: Uuid) -> Value {
        self.read(&format!("/clientes/consulta-por-id/{cliente}")).await
    }

    /// The expediente of a cliente.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn expediente(self, cliente: Uuid) -> Expediente {
        Expediente(self.read(&format!("/clientes/{cliente}/expediente")).await)
    }

    /// The first page of a list: `todos` or `desactivados`.
    ///
    /// # Panics
    ///
    /// There is no such list.
    pub async fn lista(self, which: &str) -> Vec<Value> {
        let list = self.read(&format!("/clientes/{which}?limite=200")).await;
        list["items"].as_array().expect("items").clone()
    }

    async fn read(self, path: &str) -> Value {
        let (status, answer) = self.0.get(path).await.expect("the server is there");
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// An expediente as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expediente(pub Value);

impl Expediente {
    /// The estado: `Abierto` or `Cerrado`.
    ///
    /// # Panics
    ///
    /// The body has no estado.
    pub fn estado(&self) -> &str {
        self.0["estado"].as_str().expect("an estado")
    }

    /// The estado of a reserva in it, if it has the reserva.
    pub fn reserva(&self, reserva: Uuid) -> Option<&str> {
        let mut reservas = self.0["reservas"].as_array().into_iter().flatten();
        let found = reservas.find(|shown| shown["id_reserva"] == reserva.to_string());
        found.and_then(|shown| shown["estado"].as_str())
    }

    /// Returns true if it shows the reserva in this estado.
    pub fn muestra(&self, reserva: Uuid, estado: &str) -> bool {
        self.reserva(reserva) == Some(estado)
    }
}
