//! How far each partition has been heard, in the context's schema.

use crate::infrastructure::{broker::Partition, postgres::Database};
use anyhow::bail;

/// Where to begin in a partition. One of a topic that was never heard begins at its start; one that is missing among
/// others that are known is an error, never a guess.
pub(super) async fn of(database: &Database, partition: &Partition) -> anyhow::Result<i64> {
    let client = database.client("").await?;
    let rows =
        client.query("SELECT partition, \"offset\" FROM positions WHERE topic = $1", &[&partition.topic]).await?;
    if let Some(known) = rows.iter().find(|row| row.get::<_, i32>(0) == partition.number) {
        return Ok(known.get(1));
    }
    if !rows.is_empty() {
        let Partition { topic, number } = partition;
        bail!("the position in partition {number} of {topic} is not known, although others of that topic are");
    }
    let first = "INSERT INTO positions (topic, partition, \"offset\") \
        SELECT topic, partition, 0 FROM broker.partitions WHERE topic = $1 ON CONFLICT DO NOTHING";
    client.execute(first, &[&partition.topic]).await?;
    Ok(0)
}

/// Notes what is settled, outside any effect: when nothing follows that would note it.
pub(super) async fn note(database: &Database, settled: &[(Partition, i64)]) -> anyhow::Result<()> {
    let client = database.client("").await?;
    let topics: Vec<&str> = settled.iter().map(|(partition, _)| partition.topic.as_str()).collect();
    let numbers: Vec<i32> = settled.iter().map(|(partition, _)| partition.number).collect();
    let offsets: Vec<i64> = settled.iter().map(|(_, offset)| *offset).collect();
    client.execute(crate::infrastructure::postgres::POSITION, &[&topics, &numbers, &offsets]).await?;
    Ok(())
}
