//! A foreign client in Python reads the events, and its commands are handled.

use super::{change, create, ready, said, tells};
use eventually::eventually;
use serde_json::{Value, json};
use sta_tests::{foreign::Foreign, place::Place, sta::Sta};
use uuid::Uuid;

const EVENTS: &str = "eventos-ingesta";
const COMMANDS: &str = "comandos-ingesta";

fn crear(id: Uuid) -> Value {
    json!({ "id_ingesta": id, "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/1.dcm" })
}

async fn write(foreign: &Foreign, record: &str, options: &[&str], values: &[Value]) {
    foreign.write(COMMANDS, &format!("sta.ingesta.v1.{record}"), options, values).await;
}

async fn reaches(sta: &Sta, id: Uuid, estado: &str) {
    eventually(estado, || async {
        let (_, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.unwrap();
        (ingesta["estado"] == estado).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn every_event_is_read() {
    let place = Place::on_the_stack().await;
    let (foreign, sta) = (Foreign::install(place.stack()).await, place.start().await);
    let lives: [&[&str]; 4] =
        [&["iniciar-procesamiento", "finalizar", "eliminar"], &["alertar", "rechazar"], &["revertir"], &[]];
    for life in lives {
        let id = create(&sta, "https://imagenes.example/ñ?a=1").await;
        for step in life {
            change(&sta, step, &id).await;
        }
    }
    let ours = said(&place, 10).await;
    let theirs = foreign.read(EVENTS, 10).await;
    let kinds: std::collections::BTreeSet<_> =
        theirs.iter().map(|message| message["headers"]["ce_type"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for message in &theirs {
        let same = |other: &&Value| other["headers"]["ce_id"] == message["headers"]["ce_id"];
        let our = ours.iter().find(same).expect("a message of ours");
        for member in ["topic", "partition", "offset", "key", "headers"] {
            assert_eq!(our[member], message[member], "{member}");
        }
        for field in ["id_ingesta", "id_proveedor", "id_paciente", "url_path", "estado", "version"] {
            assert_eq!(our["value"][field], message["value"][field], "{field}");
        }
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn every_command_is_handled_with_and_without_cloudevents() {
    let place = Place::on_the_stack().await;
    let (foreign, sta) = (Foreign::install(place.stack()).await, place.start().await);
    tells(&sta, "the share of the partitions", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
    for options in [&["--cloudevents"][..], &[]] {
        let [finished, refused, reverted, unknown] = [(); 4].map(|()| Uuid::now_v7());
        let motivo = |id: Uuid| json!({ "id_ingesta": id, "motivo": "porque si" });
        write(&foreign, "CrearIngesta", options, &[finished, refused, reverted].map(crear)).await;
        write(&foreign, "IniciarProcesamiento", options, &[motivo(finished)]).await;
        write(&foreign, "AlertarIngesta", options, &[motivo(refused)]).await;
        write(&foreign, "FinalizarIngesta", options, &[motivo(finished)]).await;
        write(&foreign, "RechazarIngesta", options, &[motivo(refused), motivo(unknown)]).await;
        write(&foreign, "RevertirIngesta", options, &[motivo(reverted)]).await;
        write(&foreign, "EliminarIngesta", options, &[motivo(finished)]).await;
        reaches(&sta, finished, "Eliminada").await;
        reaches(&sta, refused, "Rechazada").await;
        reaches(&sta, reverted, "Fallida").await;
        let answer = eventually("the answer", || async {
            let unknown = unknown.to_string();
            place.published(EVENTS).await.into_iter().find(|message| message["key"] == unknown.as_str())
        });
        let answer = answer.await;
        assert_eq!(answer["headers"]["ce_type"], "sta.ingesta.v1.ComandoRechazado");
        assert_eq!(
            (&answer["value"]["regla"], &answer["value"]["comando"]),
            (&json!("no-encontrado"), &json!("RechazarIngesta"))
        );
        let id = answer["value"]["id_comando"].as_str().unwrap();
        assert_eq!(id.starts_with("comandos-ingesta-"), options.is_empty(), "its id, or else its place: {id}");
        let read = foreign.read(EVENTS, place.tail(EVENTS).await.len()).await;
        assert!(read.iter().any(|message| message["value"]["id_comando"] == id), "its sender reads the answer");
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn malformed_messages_stop_nothing() {
    let place = Place::on_the_stack().await;
    let (foreign, sta) = (Foreign::install(place.stack()).await, place.start().await);
    tells(&sta, "the share of the partitions", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
    let topics = place.stack().topics();
    topics.put(COMMANDS, Some(b"a"), Some(b"no wire format")).await;
    topics.put(COMMANDS, Some(b"b"), Some(&[0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])).await;
    // A known schema without a body.
    let settings = place.stack().settings();
    let (_, registry) = settings.iter().find(|(name, _)| name == "SCHEMA_REGISTRY_URL").unwrap();
    let subject = format!("{registry}/subjects/{COMMANDS}-sta.ingesta.v1.CrearIngesta/versions/latest");
    let known: Value = reqwest::get(subject).await.unwrap().json().await.unwrap();
    let id = u32::try_from(known["id"].as_u64().unwrap()).unwrap().to_be_bytes();
    topics.put(COMMANDS, Some(b"c"), Some(&[&[0], &id[..]].concat())).await;
    topics.put(COMMANDS, Some(b"d"), None).await;
    topics.put(COMMANDS, None, None).await;
    let ids: Vec<Uuid> = (0..30).map(|_| Uuid::now_v7()).collect();
    let (with_key, without) = ids.split_at(25);
    write(&foreign, "CrearIngesta", &["--keyless"], &without.iter().copied().map(crear).collect::<Vec<_>>()).await;
    write(&foreign, "CrearIngesta", &[], &with_key.iter().copied().map(crear).collect::<Vec<_>>()).await;
    for id in ids {
        reaches(&sta, id, "Creada").await;
    }
    said(&place, 30).await;
    let parked = eventually("what cannot be decoded is kept", || async {
        let parked = place.stack().ask("SELECT dead::text || ' ' || reason FROM ingesta.parked ORDER BY key").await;
        (parked.len() == 3).then_some(parked)
    });
    let parked = parked.await;
    // The schema may be registered later.
    assert!(parked[1].starts_with("false ") && parked[1].contains("no schema has the id"), "{parked:?}");
    assert!(parked[0].starts_with("true ") && parked[2].starts_with("true "), "{parked:?}");
    assert_eq!(ready(&sta).await["consumer"], json!({ "partitions": 6, "retrying": 0, "pauses": false }));
    assert_eq!(sta.stop().await.0, 0);
}
