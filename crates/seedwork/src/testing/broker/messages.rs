//! Messages: in order, whole, and from where one asks for them.

use super::{BrokerUnderTest, Member, Memory, PARTITIONS, keys, n, record, records};
use crate::infrastructure::broker::{Broker, Delivery, TopicReader};
use std::collections::HashMap;

/// The messages of a key come in the order in which they were sent, from one partition; offsets have no gap. The
/// partition is the one that every Kafka client would choose.
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

/// A key's partition is the one that every other producer chooses for it: Kafka's own default.
pub async fn a_key_has_the_partition_that_others_choose(under: &impl BrokerUnderTest) {
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

/// Key, headers and value are what was sent.
pub async fn what_is_sent_comes_as_it_was(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let mut sent = record(under, "ñandú", 1);
    sent.headers = vec![("ce_id".into(), "uno".into()), ("ce_type".into(), "con \"comillas\" y ñ".into())];
    sent.value = (0..=255).collect();
    broker.send(std::slice::from_ref(&sent)).await.unwrap();
    let read = Member::join(under, &memory).await.reads(1).await;
    assert_eq!(read[0].key.as_deref(), Some("ñandú".as_bytes()));
    assert_eq!(read[0].value.as_ref(), Some(&sent.value));
    let mut headers = read[0].headers.clone();
    headers.sort();
    let expected = [("ce_id", "uno"), ("ce_type", "con \"comillas\" y ñ")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    assert_eq!(&*read[0].partition.topic, under.topic());
}

/// Without a key, without a value, with bytes for texts: nothing is refused, nothing stops what follows.
pub async fn what_no_well_behaved_producer_sends_comes_too(under: &impl BrokerUnderTest) {
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

/// As large as a message may be at least.
pub async fn a_large_message_comes(under: &impl BrokerUnderTest) {
    let (broker, memory) = (under.broker(), Memory::default());
    let mut sent = record(under, "grande", 1);
    sent.value = vec![7; 990_000];
    broker.send(std::slice::from_ref(&sent)).await.unwrap();
    let read = Member::join(under, &memory).await.reads(1).await;
    assert!(read[0].value.as_ref() == Some(&sent.value), "its value is what was sent");
}

/// Whoever looks at a topic without being one of a group begins where it likes, and sees what comes.
pub async fn a_reader_reads_from_where_it_is_told(under: &impl BrokerUnderTest) {
    let broker = under.broker();
    broker.send(&records(under, &keys(8), 5)).await.unwrap();
    let watermarks = broker.ensure_topic(under.topic()).await.unwrap();
    assert!(watermarks.iter().all(|watermarks| watermarks.low == 0), "{watermarks:?}");
    assert_eq!(watermarks.iter().map(|watermarks| watermarks.high).sum::<i64>(), 40);
    // One message of each partition is left out at the start.
    let from: Vec<i64> = watermarks.iter().map(|watermarks| watermarks.high.min(1)).collect();
    let expected = watermarks.iter().zip(&from).map(|(watermarks, from)| watermarks.high - from).sum::<i64>();
    let mut reader = broker.read(under.topic(), &from).await.unwrap();
    let read = some(&mut reader, expected as usize).await;
    for delivery in &read {
        assert!(delivery.offset >= from[delivery.partition.number as usize], "{delivery:?}");
    }
    broker.send(&[record(under, "otra", 7)]).await.unwrap();
    assert_eq!(some(&mut reader, 1).await[0].key.as_deref(), Some(b"otra".as_slice()));
}

/// `find` returns `None` for a missing topic and does not create it. It finds an existing topic.
pub async fn looking_for_a_topic_does_not_make_it(under: &impl BrokerUnderTest) {
    let broker = under.broker();
    for _ in 0..2 {
        assert_eq!(broker.watermarks("no-existe").await.unwrap(), None);
    }
    broker.send(&[record(under, "clave", 0)]).await.unwrap();
    let found = broker.watermarks(under.topic()).await.unwrap().expect("it was written to");
    assert_eq!((found.len(), found.iter().map(|watermarks| watermarks.high).sum::<i64>()), (PARTITIONS as usize, 1));
}

async fn some(reader: &mut impl TopicReader, count: usize) -> Vec<Delivery> {
    let until = tokio::time::Instant::now() + super::DEADLINE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(tokio::time::Instant::now() < until, "{} of {count} messages came", all.len());
        all.extend(reader.next().await.unwrap());
    }
    assert_eq!(all.len(), count);
    all
}
