//! The position of each partition, in the table `positions` of the context: the offset below which every message is
//! settled.

use crate::infrastructure::{
    broker::{Partition, Watermarks},
    postgres::Database,
};
use anyhow::{Context as _, ensure};
use tokio_postgres::Client;

/// Inserts a position at the oldest message of each partition of a topic, unless the topic has positions.
const BEGIN: &str = "\
    INSERT INTO positions (topic, partition, \"offset\") SELECT $1, r.n - 1, r.first \
    FROM unnest($2::int8[]) WITH ORDINALITY AS r (first, n) \
    WHERE NOT EXISTS (SELECT FROM positions WHERE topic = $1) ON CONFLICT DO NOTHING";

const KNOWN: &str = "SELECT \"offset\" FROM positions WHERE topic = $1 ORDER BY partition";

const OF: &str = "\
    SELECT p.\"offset\" FROM unnest($1::text[], $2::int4[]) WITH ORDINALITY AS r (topic, partition, n) \
    LEFT JOIN positions p ON p.topic = r.topic AND p.partition = r.partition ORDER BY r.n";

/// Moves positions forward, never back. Rows are locked in one order, so that two sessions that store the same
/// partitions cannot deadlock.
const STORE: &str = "\
    INSERT INTO positions (topic, partition, \"offset\") \
    SELECT * FROM unnest($1::text[], $2::int4[], $3::int8[]) AS r (topic, partition, \"offset\") ORDER BY topic, partition \
    ON CONFLICT (topic, partition) DO UPDATE SET \"offset\" = excluded.\"offset\" \
    WHERE positions.\"offset\" < excluded.\"offset\"";

/// Ensures that each partition of a topic has a position, and that the partition holds it.
///
/// # Errors
///
/// The number of partitions has changed, messages were deleted before they were settled, or the topic was made again.
/// An operator must then decide where to read on.
pub(super) async fn begin(database: &Database, topic: &str, watermarks: &[Watermarks]) -> anyhow::Result<()> {
    let client = database.client("").await?;
    let low: Vec<i64> = watermarks.iter().map(|watermarks| watermarks.low).collect();
    client.execute(BEGIN, &[&topic, &low]).await?;
    let known = client.query(KNOWN, &[&topic]).await?;
    let (is, was) = (watermarks.len(), known.len());
    ensure!(is == was, "the topic {topic} has {is} partitions, but positions in {was} are known");
    for (number, (watermarks, row)) in watermarks.iter().zip(&known).enumerate() {
        let (position, Watermarks { low, high }): (i64, _) = (row.get(0), *watermarks);
        ensure!(
            (low..=high).contains(&position),
            "the position in partition {number} of {topic} is {position}, but it holds {low} to {high}"
        );
    }
    Ok(())
}

/// Returns the position of each partition.
pub(super) async fn of(database: &Database, partitions: &[Partition]) -> anyhow::Result<Vec<i64>> {
    let (topics, numbers) = names(partitions.iter());
    let rows = database.client("").await?.query(OF, &[&topics, &numbers]).await?;
    let position = |(partition, row): (&Partition, &tokio_postgres::Row)| {
        let Partition { topic, number } = partition;
        row.get::<_, Option<i64>>(0)
            .with_context(|| format!("the position in partition {number} of {topic} is not known"))
    };
    partitions.iter().zip(&rows).map(position).collect()
}

/// Stores positions. A message is settled only when its effect is durable, so a position never runs ahead.
pub(super) async fn store(client: &Client, positions: &[(Partition, i64)]) -> anyhow::Result<()> {
    let (topics, numbers) = names(positions.iter().map(|(partition, _)| partition));
    let offsets: Vec<i64> = positions.iter().map(|(_, offset)| *offset).collect();
    client.execute(STORE, &[&topics, &numbers, &offsets]).await?;
    Ok(())
}

/// Returns the topics and the numbers of partitions, as parameters of a query.
pub(super) fn names<'a>(partitions: impl Iterator<Item = &'a Partition>) -> (Vec<&'a str>, Vec<i32>) {
    partitions.map(|partition| (&*partition.topic, partition.number)).unzip()
}

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;
    use futures_util::future::join;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_sessions_that_store_the_same_positions_do_not_deadlock() {
        let database = TestDatabase::engine().await;
        let partitions = || (0..50).map(|number| Partition { topic: "t".into(), number });
        let store_all = async |reversed: bool| {
            let client = database.context("engine").unwrap().client("").await.unwrap();
            for offset in 0..200 {
                let mut settled: Vec<_> = partitions().map(|partition| (partition, offset)).collect();
                if reversed {
                    settled.reverse();
                }
                store(&client, &settled).await.unwrap();
            }
        };
        join(store_all(false), store_all(true)).await;
    }
}
