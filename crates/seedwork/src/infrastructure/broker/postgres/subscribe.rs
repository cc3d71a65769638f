//! Reads topics as one of a group: each partition is leased to one process, and all have their fair share.
//!
//! A lease only spares work. What two processes that both believe in theirs do is still done once and in order, because
//! each message is claimed in the transaction of its effect.

use super::{CREATE, PgBroker, read::PgReader};
use crate::infrastructure::broker::{Delivery, Partition, Positions, Reader, Share, Subscriber};
use anyhow::ensure;
use std::{collections::BTreeSet, time::Duration};
use tokio_postgres::Row;
use uuid::Uuid;

/// How long a process keeps its share without asking for it again.
const TERM: Duration = Duration::from_secs(5);

/// Notes that this process is alive, and which topics it reads.
const JOIN: &str = "\
    INSERT INTO broker.members (\"group\", member, expires_at, topics) \
    VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3), $4) \
    ON CONFLICT (\"group\", member) DO UPDATE SET expires_at = excluded.expires_at, topics = excluded.topics";

/// The number of partitions in this process's fair share of each of its topics. Partitions leased by members without
/// noted topics are left out. The rest is divided among the members that read the topic. The shares of all members add
/// up to all partitions. The members with one more differ from topic to topic, so that the first does not have one more
/// of each.
///
/// A term that ends later than one that begins now was written by another clock: it counts as over.
const SHARES: &str = "\
    WITH alive AS MATERIALIZED (SELECT member, topics FROM broker.members WHERE \"group\" = $1 \
    AND expires_at BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => $3)), \
    every AS (SELECT t.topic, t.partitions, row_number() OVER (ORDER BY t.topic) AS n FROM broker.topics t), \
    known AS (SELECT e.topic, a.member, e.n, e.partitions - (SELECT count(*) FROM broker.leases l \
    JOIN alive old ON old.member = l.member AND old.topics IS NULL WHERE l.\"group\" = $1 AND l.topic = e.topic) AS partitions, \
    row_number() OVER (PARTITION BY e.topic ORDER BY a.member) AS rank, count(*) OVER (PARTITION BY e.topic) AS members \
    FROM every e JOIN alive a ON e.topic = ANY(a.topics)) \
    SELECT topic, (partitions + (rank + n) % members) / members FROM known WHERE member = $2";

/// Keeps what this process has, and answers it.
const KEEP: &str = "\
    UPDATE broker.leases SET expires_at = clock_timestamp() + make_interval(secs => $3) \
    WHERE \"group\" = $1 AND member = $2 RETURNING topic, partition";

/// Leases free partitions, up to the missing number of each topic.
const TAKE: &str = "\
    INSERT INTO broker.leases (\"group\", topic, partition, member, expires_at) \
    SELECT $1, free.topic, free.partition, $2, clock_timestamp() + make_interval(secs => $3) \
    FROM unnest($4::text[], $5::int8[]) AS r (topic, missing) CROSS JOIN LATERAL \
    (SELECT p.topic, p.partition FROM broker.partitions p \
    LEFT JOIN broker.leases l ON l.\"group\" = $1 AND l.topic = p.topic AND l.partition = p.partition \
    WHERE p.topic = r.topic AND (l.member IS NULL OR l.expires_at NOT BETWEEN clock_timestamp() \
    AND clock_timestamp() + make_interval(secs => $3)) ORDER BY p.partition LIMIT r.missing) free \
    ORDER BY free.topic, free.partition \
    ON CONFLICT (\"group\", topic, partition) DO UPDATE SET member = excluded.member, expires_at = excluded.expires_at \
    WHERE leases.expires_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => $3) \
    RETURNING topic, partition";

/// Lets others have what this process gives up.
const RELEASE: &str = "\
    DELETE FROM broker.leases l USING unnest($3::text[], $4::int4[]) AS r (topic, partition) \
    WHERE l.\"group\" = $1 AND l.member = $2 AND l.topic = r.topic AND l.partition = r.partition";

/// Lets others have all of it.
const LEAVE: &str = "\
    WITH mine AS (DELETE FROM broker.leases WHERE \"group\" = $1 AND member = $2) \
    DELETE FROM broker.members WHERE \"group\" = $1 AND member = $2";

/// Reads for one process of a group.
pub struct PgSubscriber {
    reader: PgReader,
    group: String,
    topics: Vec<&'static str>,
    member: Uuid,
    positions: Positions,
    /// What is given up, and not released yet.
    leaving: BTreeSet<Partition>,
}

impl PgSubscriber {
    pub(super) async fn open(
        broker: &PgBroker,
        group: &str,
        topics: &[&'static str],
        positions: Positions,
    ) -> anyhow::Result<Self> {
        let reader = PgReader::idle(&broker.database).await?;
        for topic in topics {
            reader.client().execute(CREATE, &[topic, &broker.partitions]).await?;
        }
        Ok(Self {
            reader,
            group: group.to_owned(),
            topics: topics.to_vec(),
            member: Uuid::now_v7(),
            positions,
            leaving: BTreeSet::new(),
        })
    }

    /// What this process has now, what it gives up not counted.
    async fn keep(&mut self) -> anyhow::Result<BTreeSet<Partition>> {
        let (group, member, term) = (&self.group, &self.member, TERM.as_secs_f64());
        let client = self.reader.client();
        client.execute(JOIN, &[group, member, &term, &self.topics]).await?;
        let shares = client.query(SHARES, &[group, member, &term]).await?;
        let mut have: BTreeSet<_> = client.query(KEEP, &[group, member, &term]).await?.iter().map(partition).collect();
        self.leaving.retain(|leaving| have.remove(leaving));
        let (mut topics, mut missing) = (Vec::with_capacity(shares.len()), Vec::with_capacity(shares.len()));
        for share in &shares {
            let (topic, fair): (&str, i64) = (share.get(0), share.get(1));
            let of: Vec<_> = have.iter().filter(|partition| &*partition.topic == topic).cloned().collect();
            let fair = usize::try_from(fair)?;
            for surplus in of.iter().skip(fair) {
                have.remove(surplus);
                self.leaving.insert(surplus.clone());
            }
            topics.push(topic);
            missing.push(i64::try_from(fair.saturating_sub(of.len()))?);
        }
        if self.leaving.is_empty() && missing.iter().any(|missing| *missing > 0) {
            let taken = client.query(TAKE, &[group, member, &term, &topics, &missing]).await?;
            have.extend(taken.iter().map(partition));
        }
        Ok(have)
    }
}

impl Subscriber for PgSubscriber {
    async fn share(&mut self) -> anyhow::Result<Share> {
        let have = self.keep().await?;
        let lost: Vec<_> = self.reader.partitions().filter(|partition| !have.contains(partition)).cloned().collect();
        lost.iter().for_each(|partition| self.reader.lose(partition));
        let known: BTreeSet<_> = self.reader.partitions().cloned().collect();
        let gained: Vec<_> = have.difference(&known).cloned().collect();
        let mut share = Share { gained: Vec::with_capacity(gained.len()), lost };
        if !gained.is_empty() {
            let next = (self.positions)(gained.clone()).await?;
            ensure!(next.len() == gained.len(), "a position is missing");
            for (partition, next) in gained.into_iter().zip(next) {
                self.reader.gain(partition.clone(), next);
                share.gained.push((partition, next));
            }
        }
        Ok(share)
    }

    async fn release(&mut self, lost: &[Partition]) -> anyhow::Result<()> {
        let topics: Vec<&str> = lost.iter().map(|partition| &*partition.topic).collect();
        let numbers: Vec<i32> = lost.iter().map(|partition| partition.number).collect();
        self.reader.client().execute(RELEASE, &[&self.group, &self.member, &topics, &numbers]).await?;
        self.leaving.retain(|leaving| !lost.contains(leaving));
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Delivery>> {
        self.reader.next().await
    }

    fn hold(&mut self, held: &BTreeSet<Partition>) {
        self.reader.hold(held);
    }

    /// Nobody asks this broker: the positions are in the same database.
    async fn settled(&mut self, _: &[(Partition, i64)]) -> anyhow::Result<()> {
        Ok(())
    }

    async fn leave(self) -> anyhow::Result<()> {
        self.reader.client().execute(LEAVE, &[&self.group, &self.member]).await?;
        Ok(())
    }
}

fn partition(row: &Row) -> Partition {
    Partition { topic: row.get::<_, &str>(0).into(), number: row.get(1) }
}
