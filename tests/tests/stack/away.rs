//! Kafka is away: commands are accepted, and their events are published when it comes back.

use super::{change, create, ready, said, tells};
use sta_tests::{
    load::{self, ask},
    place::Place,
    stack::Service,
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_server_that_starts_while_kafka_is_away_takes_commands_and_goes_on_when_it_comes() {
    let place = Place::on_the_stack().await;
    place.stack().kill(Service::Kafka).await;
    let sta = place.start().await;
    for _ in 0..20 {
        let id = create(&sta, "https://a.example/1").await;
        change(&sta, "alertar", &id).await;
    }
    tells(&sta, "the oldest message that waits", |ingesta| ingesta["relay"]["leads"] == true).await;
    place.logs("the consumer pauses").await;
    place.stack().start(Service::Kafka).await;
    let asked = ask(&place).await;
    load::handled(&place, &sta, &asked).await;
    load::in_order(&said(&place, 40 + 2 * asked.len()).await);
    assert_eq!(ready(&sta).await["relay"]["withheld"], 0);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_server_ends_in_time_while_kafka_is_away() {
    let place = Place::on_the_stack().await;
    let sta = place.start().await;
    tells(&sta, "the share of the partitions", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
    create(&sta, "https://a.example/1").await;
    said(&place, 1).await;
    place.stack().kill(Service::Kafka).await;
    create(&sta, "https://a.example/2").await;
    let (code, took) = sta.stop().await;
    assert!(code == 0 && took < Duration::from_secs(20), "{code} after {took:?}");
    // A server that never had a connection ends, too.
    let sta = place.start().await;
    create(&sta, "https://a.example/3").await;
    let (code, took) = sta.stop().await;
    assert!(code == 0 && took < Duration::from_secs(20), "{code} after {took:?}");
    place.stack().start(Service::Kafka).await;
    let sta = place.start().await;
    said(&place, 3).await;
    assert_eq!(sta.stop().await.0, 0);
}
