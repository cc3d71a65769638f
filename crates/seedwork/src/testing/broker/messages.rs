//! Promises about messages: in order, unchanged, from any offset.

use super::{BrokerUnderTest, Member, Memory, PARTITIONS, keys, n, record, records};
use crate::infrastructure::broker::{Broker, Delivery, TopicReader};
use std::collections::HashMap;

/// The messages of a key are delivered from one partition in the order in which they were sent. Offsets have no gap.
pub async fn a_key_keeps_its_order_and_its_partition(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    broker.send(&records(under, &keys(20), 30)).await.unwrap();
    let read = Member::join(under, &memory).await.reads(600).await;
    let mut by_key: HashMap<&[u8], (i32, usize)> = HashMap::new();
    let mut by_partition: HashMap<i32, i64> = HashMap::new();
    for delivery in &read {
        let (partition, next) =
            by_key.entry(delivery.key.as_deref().unwrap()).or_insert((delivery.partition.number, 0));
        assert_eq!((delivery.partition.number, n(delivery)), (*partition, *next), "{delivery:?}");
        *next += 1;
        let offset = by_partition.entry(delivery.partition.number).or_default();
        assert_eq!(delivery.offset, *offset, "offsets have no gap");
        *offset += 1;
    }
    assert_eq!(by_key.len(), 20);
}

/// The partition of a key is the one that Kafka's default partitioner chooses.
pub async fn a_key_has_the_partition_that_other_producers_choose(under: &impl BrokerUnderTest) {
    // Keys and hashes of Kafka's own `UtilsTest.testMurmur2`.
    let vectors: [(&str, i32); 4] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("abc", 479_470_107),
    ];
    let (broker, memory) = (under.broker(), Memory::default());
    broker.send(&vectors.map(|(key, _)| record(under, key, 0))).await.unwrap();
    for delivery in Member::join(under, &memory).await.reads(vectors.len()).await {
        let (key, hash) = vectors.into_iter().find(|(key, _)| Some(key.as_bytes()) == delivery.key.as_deref()).unwrap();
        assert_eq!(delivery.partition.number, (hash & i32::MAX) % PARTITIONS, "{key}");
    }
}

/// Key, headers and value are delivered as they were sent.
pub async fn a_message_is_delivered_unchanged(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let mut sent = record(under, "ñandú", 1);
    sent.headers = vec![("ce_id".into(), "one".into()), ("ce_type".into(), "with \"quotes\" and ñ".into())];
    sent.value = (0..=255).collect();
    broker.send(std::slice::from_ref(&sent)).await.unwrap();
    let read = Member::join(under, &memory).await.reads(1).await;
    assert_eq!(read[0].key.as_deref(), Some("ñandú".as_bytes()));
    assert_eq!(read[0].value.as_ref(), Some(&sent.value));
    let mut headers = read[0].headers.clone();
    headers.sort();
    let expected = [("ce_id", "one"), ("ce_type", "with \"quotes\" and ñ")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    assert_eq!(&*read[0].partition.topic, under.topic());
}

/// Messages without a key or value, or with bytes instead of text, are delivered and stop nothing behind them.
pub async fn malformed_messages_are_delivered_too(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    assert_eq!(broker.ensure_topic(under.topic()).await.unwrap().len(), PARTITIONS as usize);
    under.raw(None, &[], Some(b"no key")).await;
    under.raw(Some(b"tombstone"), &[], None).await;
    under.raw(Some(&[0xff, 0, 0xfe]), &[("ce_id", b"with\0NUL")], Some(b"")).await;
    under.raw(Some(b"last"), &[], Some(b"last")).await;
    let read = Member::join(under, &memory).await.reads(4).await;
    let bytes = |bytes: &[u8]| Some(bytes.to_vec());
    let seen: Vec<_> = read.iter().map(|delivery| (delivery.key.clone(), delivery.value.clone())).collect();
    let expected = [
        (None, bytes(b"no key")),
        (bytes(b"tombstone"), None),
        (bytes(&[0xff, 0, 0xfe]), bytes(b"")),
        (bytes(b"last"), bytes(b"last")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(read[2].headers, [("ce_id".to_owned(), b"with\0NUL".to_vec())]);
}

/// A message of nearly 1 MB is delivered: every adapter must take as much.
pub async fn a_large_message_is_delivered(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let mut sent = record(under, "large", 1);
    sent.value = vec![7; 990_000];
    broker.send(std::slice::from_ref(&sent)).await.unwrap();
    let read = Member::join(under, &memory).await.reads(1).await;
    assert!(read[0].value.as_ref() == Some(&sent.value), "the value was changed");
}

/// A reader outside of any group begins at the offsets that it is given and receives new messages.
pub async fn a_reader_begins_at_the_given_offsets(under: &impl BrokerUnderTest) {
    let broker = under.broker();
    broker.send(&records(under, &keys(8), 5)).await.unwrap();
    let extents = broker.ensure_topic(under.topic()).await.unwrap();
    assert!(extents.iter().all(|watermarks| watermarks.low == 0), "{extents:?}");
    assert_eq!(extents.iter().map(|watermarks| watermarks.high).sum::<i64>(), 40);
    // The reader begins behind the first message of each partition.
    let from: Vec<i64> = extents.iter().map(|watermarks| watermarks.high.min(1)).collect();
    let expected = extents.iter().zip(&from).map(|(watermarks, from)| watermarks.high - from).sum::<i64>();
    let mut reader = broker.read(under.topic(), &from).await.unwrap();
    let read = some(&mut reader, expected as usize).await;
    for delivery in &read {
        assert!(delivery.offset >= from[delivery.partition.number as usize], "{delivery:?}");
    }
    broker.send(&[record(under, "other", 7)]).await.unwrap();
    assert_eq!(some(&mut reader, 1).await[0].key.as_deref(), Some(b"other".as_slice()));
}

/// `find` returns `None` for a missing topic and does not create it. It finds an existing topic.
pub async fn looking_for_a_topic_does_not_create_it(under: &impl BrokerUnderTest) {
    let broker = under.broker();
    for _ in 0..2 {
        assert_eq!(broker.watermarks("missing").await.unwrap(), None);
    }
    broker.send(&[record(under, "key", 0)]).await.unwrap();
    let found = broker.watermarks(under.topic()).await.unwrap().expect("the topic exists: it has a message");
    assert_eq!((found.len(), found.iter().map(|watermarks| watermarks.high).sum::<i64>()), (PARTITIONS as usize, 1));
}

async fn some(reader: &mut impl TopicReader, count: usize) -> Vec<Delivery> {
    let until = tokio::time::Instant::now() + super::DEADLINE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(tokio::time::Instant::now() < until, "only {} of {count} messages came", all.len());
        all.extend(reader.next().await.unwrap());
    }
    assert_eq!(all.len(), count);
    all
}
