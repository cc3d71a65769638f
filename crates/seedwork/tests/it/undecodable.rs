//! Malformed values on a topic.

use crate::{consuming::TOPIC, fixture::Fixture, model::Changed};
use seedwork::{
    application::IntegrationEvent,
    infrastructure::{avro::record_schema, schema_registry::Decoders},
};

/// The peak size of this process's address space, in kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bytes_that_announce_half_a_gigabyte_are_refused_before_it_is_allocated() {
    let fixture = Fixture::open().await;
    let registry = fixture.registry().await;
    let decoders = Decoders::new(registry.clone());
    let known = record_schema(Changed::TYPE).unwrap();
    // The value announces a text of 536,870,848 bytes.
    let id = registry.id(TOPIC, known.fingerprint).await.unwrap();
    let value = [&[0][..], &id.to_be_bytes(), &[0x80, 0xff, 0xff, 0xff, 0x03]].concat();
    let decoder = decoders.of(&value).await.unwrap();
    let before = peak_kb();
    let error = decoder.decode(Changed::TYPE, &value).unwrap_err();
    assert!(error.reason.contains("maximum allowed: 8388608"), "{error}");
    assert!(peak_kb() < before + 400_000, "it allocated {} MB", (peak_kb() - before) / 1_000);
}
