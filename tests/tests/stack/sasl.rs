//! Kafka by its listener with SASL and TLS.

use super::{create, ready, said};
use serde_json::json;
use sta_tests::{
    load::{ask, handled},
    place::Place,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn events_and_commands_go_over_scram_and_tls() {
    let mut place = Place::on_the_stack().await;
    place.use_sasl();
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    let asked = ask(&place).await;
    handled(&place, &sta, &asked).await;
    said(&place, 1 + 2 * asked.len()).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_wrong_password_is_reported_without_it_and_commands_are_taken() {
    let mut place = Place::on_the_stack().await;
    place.use_sasl();
    place.set(&[("KAFKA_SASL_PASSWORD", "hunter2")]);
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    place.logs("Authentication failed").await;
    assert!(!place.log().contains("hunter2"));
    let ingesta = ready(&sta).await;
    assert_eq!((&ingesta["relay"]["cursor"], &ingesta["consumer"]["partitions"]), (&json!(0), &json!(0)));
    create(&sta, "https://a.example/2").await;
    assert_eq!(sta.stop().await.0, 0);
}
