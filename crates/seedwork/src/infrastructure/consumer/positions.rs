//! How far each partition has been heard, in the context's schema.

use crate::infrastructure::{
    broker::{Extent, Partition},
    postgres::Database,
};
use anyhow::{Context as _, ensure};
use tokio_postgres::Client;

/// Begins at the oldest message of every partition of a topic, unless it was heard before.
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
const NOTE: &str = "\
    INSERT INTO positions (topic, partition, \"offset\") \
    SELECT * FROM unnest($1::text[], $2::int4[], $3::int8[]) AS r (topic, partition, \"offset\") ORDER BY topic, partition \
    ON CONFLICT (topic, partition) DO UPDATE SET \"offset\" = excluded.\"offset\" \
    WHERE positions.\"offset\" < excluded.\"offset\"";

/// Sees to it that the position in every partition of a topic is known, and is one that the topic has.
///
/// # Errors
///
/// It is not: the topic has other partitions than it had, or lost messages that were not heard, or is another one. What
/// then is right, only an operator can say.
pub(super) async fn begin(database: &Database, topic: &str, extents: &[Extent]) -> anyhow::Result<()> {
    let client = database.client("").await?;
    let first: Vec<i64> = extents.iter().map(|extent| extent.first).collect();
    client.execute(BEGIN, &[&topic, &first]).await?;
    let known = client.query(KNOWN, &[&topic]).await?;
    let (is, was) = (extents.len(), known.len());
    ensure!(is == was, "the topic {topic} has {is} partitions, but positions in {was} are known");
    for (number, (extent, row)) in extents.iter().zip(&known).enumerate() {
        let (position, Extent { first, next }): (i64, _) = (row.get(0), *extent);
        ensure!(
            (first..=next).contains(&position),
            "the position in partition {number} of {topic} is {position}, but it holds {first} to {next}"
        );
    }
    Ok(())
}

/// Where each partition is read on.
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

/// Stores the offsets below which everything is settled. A message is settled only when its effect is durable, so a
/// position never runs ahead.
pub(super) async fn note(client: &Client, settled: &[(Partition, i64)]) -> anyhow::Result<()> {
    let (topics, numbers) = names(settled.iter().map(|(partition, _)| partition));
    let offsets: Vec<i64> = settled.iter().map(|(_, offset)| *offset).collect();
    client.execute(NOTE, &[&topics, &numbers, &offsets]).await?;
    Ok(())
}

/// Partitions as arrays of their topics and numbers.
pub(super) fn names<'a>(partitions: impl Iterator<Item = &'a Partition>) -> (Vec<&'a str>, Vec<i32>) {
    partitions.map(|partition| (&*partition.topic, partition.number)).unzip()
}

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;
    use futures_util::future::join;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_note_the_same_partitions_never_wait_for_each_other() {
        let database = TestDatabase::pruebas().await;
        let partitions = || (0..50).map(|number| Partition { topic: "t".into(), number });
        let note = async |reversed: bool| {
            let client = database.context("pruebas").unwrap().client("").await.unwrap();
            for offset in 0..200 {
                let mut settled: Vec<_> = partitions().map(|partition| (partition, offset)).collect();
                if reversed {
                    settled.reverse();
                }
                note(&client, &settled).await.unwrap();
            }
        };
        join(note(false), note(true)).await;
    }
}
