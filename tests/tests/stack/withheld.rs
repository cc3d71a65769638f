//! A record that Kafka refuses for good is withheld with its successors; other keys continue.

use super::{change, create, said, tells};
use sta_tests::{load, place::Place};

const EVENTS: &str = "eventos-ingesta";
/// The largest message that the topic accepts: less than the relay assumes.
const LIMIT: &str = "1500";

/// An address that is too long for the topic even when it is compressed.
fn long() -> String {
    let digits = (0_u32..1_900).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 32) >> 27);
    let noise: String = digits.filter_map(|digit| char::from_digit(digit, 36)).collect();
    format!("https://a.example/{noise}")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_refused_message_holds_up_its_key_and_no_other_even_over_a_restart() {
    let mut place = Place::on_the_stack().await;
    place.stack().topics().make(EVENTS, 6, &[("max.message.bytes", LIMIT)]).await;
    // All messages wait in the log and leave as one batch.
    place.set(&[("STA_TASKS", "http")]);
    let sta = place.start().await;
    sta.becomes_ready().await;
    let mut refused = String::new();
    for n in 0..40 {
        let id = create(&sta, "https://a.example/1").await;
        change(&sta, "alertar", &id).await;
        if n == 20 {
            refused = create(&sta, &long()).await;
        }
        if n == 30 {
            change(&sta, "alertar", &refused).await;
        }
    }
    assert_eq!(sta.stop().await.0, 0);
    place.set(&[("STA_TASKS", "http,relay,consumers")]);
    let sta = place.start().await;
    sta.becomes_ready().await;
    load::relayed(&sta).await;
    tells(&sta, "what is withheld", |ingesta| ingesta["relay"]["withheld"] == 2).await;
    let others = said(&place, 80).await;
    assert!(others.iter().all(|message| message["key"] != refused.as_str()), "its successor did not pass");
    place.logs("a message is withheld").await;
    // Both the running server and the next one remember the withheld messages.
    change(&sta, "iniciar-procesamiento", &refused).await;
    load::relayed(&sta).await;
    tells(&sta, "what is withheld", |ingesta| ingesta["relay"]["withheld"] == 3).await;
    assert_eq!(sta.stop().await.0, 0);
    let sta = place.start().await;
    sta.becomes_ready().await;
    change(&sta, "finalizar", &refused).await;
    create(&sta, "https://a.example/1").await;
    load::relayed(&sta).await;
    tells(&sta, "what is withheld", |ingesta| ingesta["relay"]["withheld"] == 4).await;
    assert!(said(&place, 81).await.iter().all(|message| message["key"] != refused.as_str()));
    let kept = place.stack().ask("SELECT key FROM ingesta.withheld GROUP BY key").await;
    assert_eq!(kept, [refused]);
    assert_eq!(sta.stop().await.0, 0);
}
