//! Topics that were changed or created anew: reported, and nothing is guessed.

use super::{create, ready, said, tells};
use serde_json::json;
use sta_tests::{
    load::{ask, handled, relayed},
    place::Place,
    sta::Sta,
};

const EVENTS: &str = "eventos-ingesta";
const COMMANDS: &str = "comandos-ingesta";

/// A server that has published and consumed a message.
async fn settled(place: &Place) -> Sta {
    let sta = place.start().await;
    let asked = ask(place).await;
    handled(place, &sta, &asked).await;
    relayed(&sta).await;
    sta
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_topic_with_a_changed_partition_count_is_reported_and_its_log_waits() {
    let place = Place::on_the_stack().await;
    let sta = settled(&place).await;
    let cursor = ready(&sta).await["relay"]["cursor"].clone();
    assert_eq!(sta.stop().await.0, 0);
    let topics = place.stack().topics();
    topics.delete(&[EVENTS]).await;
    topics.make(EVENTS, 4, &[]).await;
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    place.logs("has 4 partitions and had 6").await;
    let ingesta = ready(&sta).await;
    assert_eq!((&ingesta["relay"]["cursor"], &ingesta["relay"]["withheld"]), (&cursor, &json!(0)));
    // An operator confirms the change.
    place.stack().ask("UPDATE broker.kafka_topics SET partitions = 4 WHERE topic = 'eventos-ingesta'").await;
    said(&place, 1).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn partitions_that_are_added_move_no_key() {
    let place = Place::on_the_stack().await;
    let sta = settled(&place).await;
    place.stack().topics().grow(EVENTS, 12).await;
    for _ in 0..30 {
        create(&sta, "https://a.example/1").await;
    }
    relayed(&sta).await;
    // The stored partition count shows the difference.
    assert_eq!(sta.stop().await.0, 0);
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    place.logs("has 12 partitions and had 6").await;
    place.stack().ask("UPDATE broker.kafka_topics SET partitions = 12 WHERE topic = 'eventos-ingesta'").await;
    relayed(&sta).await;
    let said = said(&place, 60 + 31).await;
    let moved = said.iter().filter(|message| message["partition"].as_i64().unwrap() >= 6).count();
    assert!(moved <= 1, "only what came after an operator's word may be elsewhere, and {moved} are");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_topic_that_was_created_anew_is_reported_and_not_read() {
    let place = Place::on_the_stack().await;
    let sta = settled(&place).await;
    // A running server creates the topic anew and reads nothing. So does one that starts.
    place.stack().topics().delete(&[COMMANDS]).await;
    let is_told = |ingesta: &serde_json::Value| ingesta["consumer"]["pauses"] == true;
    tells(&sta, "the consumer pauses", is_told).await;
    place.logs("but it holds 0 to 0").await;
    create(&sta, "https://a.example/1").await;
    assert_eq!(sta.stop().await.0, 0);
    let sta = place.start().await;
    tells(&sta, "the consumer pauses", is_told).await;
    create(&sta, "https://a.example/1").await;
    // An operator sets the position.
    place.stack().ask("DELETE FROM ingesta.positions WHERE topic = 'comandos-ingesta'").await;
    let asked = ask(&place).await;
    handled(&place, &sta, &asked).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn an_unknown_position_is_reported_and_nothing_is_read() {
    let place = Place::on_the_stack().await;
    assert_eq!(settled(&place).await.stop().await.0, 0);
    place.stack().ask("DELETE FROM ingesta.positions WHERE partition = 2").await;
    let sta = place.start().await;
    tells(&sta, "the consumer pauses", |ingesta| ingesta["consumer"]["pauses"] == true).await;
    place.logs("but positions in 5 are known").await;
    create(&sta, "https://a.example/1").await;
    assert_eq!(sta.stop().await.0, 0);
}
