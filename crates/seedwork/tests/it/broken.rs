//! Rows of the broker that are no messages: each blocks its key and no other.

use crate::{
    consuming::{TOPIC, TestConsumer, insert_raw, message, reaches, send},
    fixture::Fixture,
};
use seedwork::testing::eventually;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_broken_headers_is_parked_dead_with_its_place_and_blocks_only_its_key() {
    let fixture = Fixture::open().await;
    let consumer = TestConsumer::start(&fixture).await;
    let ids: Vec<_> = (0..12).map(|_| Uuid::now_v7()).collect();
    send(&fixture, &ids, 1, 1).await;
    for id in &ids {
        reaches(&fixture, *id, 1).await;
    }
    let value = message(&fixture, Uuid::now_v7(), 1, "x").await.value;
    let headers = ["", "[1]", "nothing", "{\"ce_id\":", "7"];
    for broken in headers {
        insert_raw(&fixture, Some(b"a"), broken, Some(&value)).await;
    }
    insert_raw(&fixture, Some(b"b"), "null", None).await;
    insert_raw(&fixture, None, "[]", Some(&value)).await;
    // These are in all partitions, so some are behind the broken rows.
    send(&fixture, &ids, 2, 3).await;
    for id in &ids {
        reaches(&fixture, *id, 3).await;
    }
    let db = fixture.look().await;
    let parked = eventually("all are parked", || async {
        let rows =
            db.query("SELECT topic, \"offset\", dead, reason, headers FROM parked ORDER BY n", &[]).await.unwrap();
        (rows.len() == headers.len() + 2).then_some(rows)
    })
    .await;
    let heads: Vec<_> = parked.iter().filter(|row| row.get::<_, bool>(2)).collect();
    assert_eq!(heads.len(), 3, "the heads are the first row of each key and the row without a key");
    for row in &parked {
        let (topic, offset, reason): (&str, i64, &str) = (row.get(0), row.get(1), row.get(3));
        assert_eq!(topic, TOPIC);
        assert!(
            reason.starts_with("its headers are no JSON object") || reason.contains("behind"),
            "{offset}: {reason}"
        );
    }
    let kept = heads.iter().map(|row| row.get::<_, &str>(4)).collect::<Vec<_>>();
    assert!(kept.contains(&"[[\"headers\",\"\"]]") && kept.contains(&"[[\"headers\",\"null\"]]"), "{kept:?}");
    consumer.stop().await;
}
