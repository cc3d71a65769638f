//! The reader types of this context, against records as other contexts publish them.

use clientes::application::integration::consumed::{ReservaAprobada, ReservaCancelada, ReservaCreada, ReservaPagada};
use seedwork::{application::IntegrationEvent, testing::decode_as};
use serde_json::{Value, json};
use std::fmt::Debug;
use uuid::Uuid;

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

/// A reserva as its events tell of it, with every field of the record.
fn reserva(id_cliente: Value, estado: &str) -> Value {
    json!({
        "id_reserva": ID, "id_cliente": id_cliente, "estado": estado, "tipo_vuelo": "solo_ida", "ruta": "BOG-JFK",
        "fecha_salida": "2027-01-01T00:00:00Z", "motivo": "x", "fecha": "2026-01-01T00:00:00Z", "version": 7,
    })
}

#[track_caller]
fn resolves<E: IntegrationEvent + Debug + PartialEq>(estado: &str, expected: impl Fn(Option<Uuid>) -> E) {
    let cliente = Uuid::from_u128(7);
    assert_eq!(decode_as::<E>(&reserva(json!(cliente), estado)).expect("it fits"), expected(Some(cliente)));
    assert_eq!(decode_as::<E>(&reserva(json!(null), estado)).expect("it fits"), expected(None));
    assert_eq!((E::TOPIC, expected(None).key().as_str()), ("eventos-reserva", ID));
}

macro_rules! expected {
    ($record:ident, $estado:literal) => {
        resolves($estado, |id_cliente| $record {
            id_reserva: ID.parse().unwrap(),
            id_cliente,
            estado: $estado.into(),
            ruta: "BOG-JFK".into(),
            fecha_salida: "2027-01-01T00:00:00Z".parse().unwrap(),
            version: 7,
        })
    };
}

#[test]
fn each_consumed_record_fits_its_schema() {
    expected!(ReservaCreada, "Pendiente");
    expected!(ReservaAprobada, "Aprobada");
    expected!(ReservaPagada, "Pagada");
    expected!(ReservaCancelada, "Cancelada");
}
