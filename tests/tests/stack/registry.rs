//! The schema registry: missing and incompatible schemas are reported, and known ones work without it.

use super::{create, said, tells};
use serde_json::json;
use sta_tests::{load, place::Place, stack::Service};

const SUBJECT: &str = "eventos-ingesta-sta.ingesta.v1.IngestaCreada";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_server_that_may_not_register_names_every_subject_that_is_missing() {
    let mut place = Place::on_the_stack().await;
    place.stack().empty_registry().await;
    place.set(&[("SCHEMA_REGISTRY_POLICY", "refuse")]);
    let told = place.refuses().await;
    for subject in [SUBJECT, "eventos-cliente-sta.clientes.v1.ClienteRegistrado"] {
        assert!(told.contains(subject) && told.contains("SCHEMA_REGISTRY_POLICY"), "{told}");
    }
    place.set(&[("SCHEMA_REGISTRY_POLICY", "register")]);
    assert_eq!(place.start().await.stop().await.0, 0);
    // All schemas are registered now.
    place.set(&[("SCHEMA_REGISTRY_POLICY", "refuse")]);
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    said(&place, 1).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_schema_that_is_not_compatible_with_the_registered_one_is_refused_and_reported() {
    let place = Place::on_the_stack().await;
    let stack = place.stack();
    stack.empty_registry().await;
    let registry = stack.setting("SCHEMA_REGISTRY_URL");
    let client = reqwest::Client::new();
    let rule = json!({ "compatibility": "BACKWARD" });
    let answer = client.put(format!("{registry}/config")).json(&rule).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let other = json!({ "type": "record", "name": "IngestaCreada", "namespace": "sta.ingesta.v1",
        "fields": [{ "name": "id_ingesta", "type": "long" }] });
    let url = format!("{registry}/subjects/{SUBJECT}/versions");
    let answer = client.post(url).json(&json!({ "schema": other.to_string() })).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let told = place.refuses().await;
    stack.empty_registry().await;
    assert!(told.contains("refuses") && told.contains(SUBJECT), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_registry_that_is_away_at_the_start_is_awaited_up_to_a_limit() {
    let place = Place::on_the_stack().await;
    place.stack().kill(Service::Registry).await;
    let told = place.refuses().await;
    let registry = place.stack().setting("SCHEMA_REGISTRY_URL");
    assert!(told.contains(&format!("the schema registry at {registry} does not answer")), "{told}");
    let (sta, ()) = tokio::join!(place.start(), place.stack().start(Service::Registry));
    create(&sta, "https://a.example/1").await;
    said(&place, 1).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_registry_that_has_given_all_ids_may_be_away_at_the_start() {
    let mut place = Place::on_the_stack().await;
    assert_eq!(place.start().await.stop().await.0, 0);
    place.stack().kill(Service::Registry).await;
    for policy in ["register", "refuse"] {
        place.set(&[("SCHEMA_REGISTRY_POLICY", policy)]);
        let sta = place.start().await;
        create(&sta, "https://a.example/1").await;
        load::relayed(&sta).await;
        assert_eq!(sta.stop().await.0, 0);
    }
    said(&place, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn known_schemas_keep_working_while_the_registry_is_away() {
    let place = Place::on_the_stack().await;
    let sta = place.start().await;
    place.stack().kill(Service::Registry).await;
    let id = create(&sta, "https://a.example/1").await;
    load::relayed(&sta).await;
    tells(&sta, "the share of the partitions", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
    place.stack().start(Service::Registry).await;
    assert_eq!(said(&place, 1).await[0]["value"]["id_ingesta"], id.as_str());
    assert_eq!(sta.stop().await.0, 0);
}
