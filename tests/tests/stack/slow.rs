//! Clusters that are slow, take small batches or reject a clock: the relay continues and withholds nothing.

use super::{create, ready, said, tells};
use sta_tests::{load, place::Place};

const EVENTS: &str = "eventos-ingesta";

/// A unique address of 1,900 characters that cannot be compressed.
fn noise(seed: u32) -> String {
    let mut state = u64::from(seed) << 32 | 0x9e37_79b9;
    let digits = (0..1_880).filter_map(|_| {
        // Knuth's multiplier. Its upper bits are well distributed.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit(u32::try_from(state >> 33).ok()? % 36, 36)
    });
    format!("https://a.example/{}", digits.collect::<String>())
}

/// Commits `count` messages while the relay is off, then relays them.
async fn backlog(place: &mut Place, count: u32) -> sta_tests::sta::Sta {
    place.set(&[("STA_TASKS", "http")]);
    let sta = place.start().await;
    for n in 0..count {
        create(&sta, &noise(n)).await;
    }
    assert_eq!(sta.stop().await.0, 0);
    place.set(&[("STA_TASKS", "http,relay")]);
    place.start().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_byte_rate_quota_slows_the_relay_and_does_not_stop_it() {
    let mut place = Place::on_the_stack().await;
    // Kafka lets ten seconds' worth pass at once. The rest waits longer than the lease of the relay lasts.
    place.stack().topics().limit_rate(Some(30_000.0)).await;
    let sta = backlog(&mut place, 300).await;
    tells(&sta, "the cursor moves", |ingesta| ingesta["relay"]["cursor"].as_i64() > Some(0)).await;
    place.stack().topics().limit_rate(None).await;
    load::relayed(&sta).await;
    said(&place, 300).await;
    assert!(!place.log().contains("the relay pauses"), "it waits, and sends nothing twice");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_batch_too_large_for_a_segment_is_sent_in_smaller_ones() {
    let mut place = Place::on_the_stack().await;
    place.stack().topics().make(EVENTS, 1, &[("internal.segment.bytes", "20000")]).await;
    let sta = backlog(&mut place, 100).await;
    load::relayed(&sta).await;
    said(&place, 100).await;
    assert_eq!(ready(&sta).await["relay"]["withheld"], 0);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_record_dated_two_hours_ahead_is_relayed_and_ce_time_keeps_its_date() {
    let mut place = Place::on_the_stack().await;
    // A topic that another party created: its records have the time of their producer.
    place.stack().topics().make(EVENTS, 6, &[("message.timestamp.type", "CreateTime")]).await;
    place.set(&[("STA_TASKS", "http")]);
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    let ahead = "UPDATE ingesta.outbox SET time = date_trunc('second', now() + interval '2 hours') \
                 RETURNING to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')";
    let time = place.stack().ask(ahead).await.remove(0);
    assert_eq!(sta.stop().await.0, 0);
    place.set(&[("STA_TASKS", "http,relay")]);
    let sta = place.start().await;
    let relayed = said(&place, 1).await;
    assert!(relayed[0]["headers"]["ce_time"].as_str().unwrap().starts_with(&time), "{relayed:?} {time}");
    tells(&sta, "nothing waits", |ingesta| ingesta["relay"]["withheld"] == 0 && ingesta["relay"]["oldest"].is_null())
        .await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn topics_are_made_with_the_brokers_time_a_retention_and_the_copies_that_are_needed() {
    let mut place = Place::on_the_stack().await;
    place.set(&[("STA_TOPIC_RETENTION", "0.5d"), ("STA_TOPIC_MIN_INSYNC", "1")]);
    let sta = place.start().await;
    create(&sta, "https://a.example/1").await;
    load::relayed(&sta).await;
    let topics = place.stack().topics();
    for (name, value) in
        [("message.timestamp.type", "LogAppendTime"), ("retention.ms", "43200000"), ("min.insync.replicas", "1")]
    {
        assert_eq!(topics.setting(EVENTS, name).await, value, "{name}");
    }
    assert_eq!(sta.stop().await.0, 0);
}
