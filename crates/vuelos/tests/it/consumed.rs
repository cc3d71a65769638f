//! The reader types of this context, against records as other contexts publish them.

use seedwork::testing::decode_as;
use serde_json::{Value, json};
use vuelos::application::{
    commands,
    integration::consumed::{AprobarReserva, CancelarReserva, ClienteDesactivado, CrearReserva, PagarReserva},
};

const ID: &str = "0198c0de-0000-7000-8000-000000000001";
const CLIENTE: &str = "0198c0de-0000-7000-8000-0000000000c1";

fn reserva() -> Value {
    let mut body = crate::server::bog_jfk();
    body["id_reserva"] = json!(ID);
    body
}

#[test]
fn a_record_without_pasajeros_and_cliente_is_for_one_adult() {
    let mut named = reserva();
    (named["id_cliente"], named["pasajeros"]) = (json!(null), json!([{"tipo": "Adulto", "clase": "Economica"}]));
    let command = |value: &Value| commands::CrearReserva::try_from(decode_as::<CrearReserva>(value).unwrap()).unwrap();
    assert_eq!(command(&reserva()), command(&named));
    assert_eq!(command(&named).itinerarios.ruta().to_string(), "BOG-JFK");
    named["id_cliente"] = json!(CLIENTE);
    assert_eq!(command(&named).cliente.unwrap().to_string(), CLIENTE);
}

#[test]
fn a_record_that_the_domain_refuses_is_decoded_all_the_same() {
    let mut value = reserva();
    value["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0]["fecha_salida"] = json!(i64::from(i32::MAX) << 31);
    value["pasajeros"] = json!([{"tipo": "Desconocido", "clase": "Primera"}]);
    let refused = commands::CrearReserva::try_from(decode_as::<CrearReserva>(&value).unwrap()).unwrap_err();
    let told: Vec<_> = refused.iter().map(|broken| broken.rule).collect();
    assert_eq!(told, ["minimo-un-adulto", "tipo-pasajero-valido", "llegada-posterior", "fecha-valida"]);
}

#[test]
fn each_consumed_record_fits_its_schema() {
    let (id_reserva, motivo) = (ID.parse().unwrap(), Some("x".to_owned()));
    let change = json!({"id_reserva": ID, "motivo": "x"});
    assert_eq!(decode_as::<AprobarReserva>(&change).unwrap(), AprobarReserva { id_reserva, motivo: motivo.clone() });
    assert_eq!(decode_as::<CancelarReserva>(&change).unwrap(), CancelarReserva { id_reserva, motivo });
    let change = json!({"id_reserva": ID});
    assert_eq!(decode_as::<PagarReserva>(&change).unwrap(), PagarReserva { id_reserva, motivo: None });
    let left = json!({"id_cliente": CLIENTE, "motivo": "se va", "fecha": "2026-01-01T00:00:00Z"});
    assert_eq!(
        decode_as::<ClienteDesactivado>(&left).unwrap(),
        ClienteDesactivado { id_cliente: CLIENTE.parse().unwrap() }
    );
}
