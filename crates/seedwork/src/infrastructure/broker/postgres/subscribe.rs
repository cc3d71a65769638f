//! Reads topics as one member of a group: each partition is leased to one member, and each member has its fair share.
//!
//! | partition | event | next state | durable fact |
//! |---|---|---|---|
//! | free | a member with less than its share polls | leased | a row in `broker.leases` |
//! | leased | its member polls | leased for 5 more seconds | `expires_at` |
//! | leased | its member has more than its share | releasing: no longer read | none |
//! | releasing | its member releases it | free | the row is deleted |
//! | leased or releasing | its member does not poll for 5 s | free | `expires_at` has passed |
//!
//! A lease only avoids double work. If two members hold one partition, each effect still happens once and in order,
//! because a message is claimed in the transaction of its effect.

use super::{CREATE, PgBroker, read::PgReader};
use crate::infrastructure::broker::{AssignmentDelta, Delivery, Partition, PositionLookup, Subscriber, TopicReader};
use anyhow::ensure;
use std::{collections::BTreeSet, time::Duration};
use tokio_postgres::Row;
use uuid::Uuid;

/// The time for which a lease lasts without a renewal.
const LEASE_DURATION: Duration = Duration::from_secs(5);

/// Registers this member as alive, with the topics that it reads.
const JOIN: &str = "\
    INSERT INTO broker.members (\"group\", member, expires_at, topics) \
    VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3), $4) \
    ON CONFLICT (\"group\", member) DO UPDATE SET expires_at = excluded.expires_at, topics = excluded.topics";

/// Returns the number of partitions in this member's fair share of each of its topics.
///
/// Partitions that are leased by members without registered topics, of an older version, are left out. The others are
/// divided among the members that read the topic. If they cannot be divided evenly, other members have one more in the
/// next topic.
///
/// A lease that ends later than one that begins now was dated by another clock: it counts as expired.
const SHARES: &str = "\
    WITH alive AS MATERIALIZED (SELECT member, topics FROM broker.members WHERE \"group\" = $1 \
    AND expires_at BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => $3)), \
    every AS (SELECT t.topic, t.partitions, row_number() OVER (ORDER BY t.topic) AS n FROM broker.topics t), \
    known AS (SELECT e.topic, a.member, e.n, e.partitions - (SELECT count(*) FROM broker.leases l \
    JOIN alive old ON old.member = l.member AND old.topics IS NULL WHERE l.\"group\" = $1 AND l.topic = e.topic) AS partitions, \
    row_number() OVER (PARTITION BY e.topic ORDER BY a.member) AS rank, count(*) OVER (PARTITION BY e.topic) AS members \
    FROM every e JOIN alive a ON e.topic = ANY(a.topics)) \
    SELECT topic, (partitions + (rank + n) % members) / members FROM known WHERE member = $2";

/// Renews this member's leases, and returns them.
const RENEW: &str = "\
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

/// Frees some of this member's partitions.
const RELEASE: &str = "\
    DELETE FROM broker.leases l USING unnest($3::text[], $4::int4[]) AS r (topic, partition) \
    WHERE l.\"group\" = $1 AND l.member = $2 AND l.topic = r.topic AND l.partition = r.partition";

/// Frees all of this member's partitions.
const LEAVE: &str = "\
    WITH mine AS (DELETE FROM broker.leases WHERE \"group\" = $1 AND member = $2) \
    DELETE FROM broker.members WHERE \"group\" = $1 AND member = $2";

/// Reads as one member of a group.
pub struct PgSubscriber {
    reader: PgReader,
    group: String,
    topics: Vec<&'static str>,
    member: Uuid,
    positions: PositionLookup,
    /// The revoked partitions that are not released yet.
    releasing: BTreeSet<Partition>,
}

impl PgSubscriber {
    pub(super) async fn open(
        broker: &PgBroker,
        group: &str,
        topics: &[&'static str],
        positions: PositionLookup,
    ) -> anyhow::Result<Self> {
        let reader = PgReader::unassigned(&broker.database).await?;
        for topic in topics {
            reader.client().execute(CREATE, &[topic, &broker.partitions]).await?;
        }
        Ok(Self {
            reader,
            group: group.to_owned(),
            topics: topics.to_vec(),
            member: Uuid::now_v7(),
            positions,
            releasing: BTreeSet::new(),
        })
    }

    /// Renews this member's leases, takes free partitions that are missing from its share, and begins to release
    /// surplus ones. Returns the partitions to read.
    async fn renew(&mut self) -> anyhow::Result<BTreeSet<Partition>> {
        let (group, member, duration) = (&self.group, &self.member, LEASE_DURATION.as_secs_f64());
        let client = self.reader.client();
        client.execute(JOIN, &[group, member, &duration, &self.topics]).await?;
        let shares = client.query(SHARES, &[group, member, &duration]).await?;
        let renewed = client.query(RENEW, &[group, member, &duration]).await?;
        let mut have: BTreeSet<_> = renewed.iter().map(partition).collect();
        self.releasing.retain(|releasing| have.remove(releasing));
        let (mut topics, mut missing) = (Vec::with_capacity(shares.len()), Vec::with_capacity(shares.len()));
        for share in &shares {
            let (topic, fair): (&str, i64) = (share.get(0), share.get(1));
            let of: Vec<_> = have.iter().filter(|partition| &*partition.topic == topic).cloned().collect();
            let fair = usize::try_from(fair)?;
            for surplus in of.iter().skip(fair) {
                have.remove(surplus);
                self.releasing.insert(surplus.clone());
            }
            topics.push(topic);
            missing.push(i64::try_from(fair.saturating_sub(of.len()))?);
        }
        if self.releasing.is_empty() && missing.iter().any(|missing| *missing > 0) {
            let taken = client.query(TAKE, &[group, member, &duration, &topics, &missing]).await?;
            have.extend(taken.iter().map(partition));
        }
        Ok(have)
    }
}

impl Subscriber for PgSubscriber {
    async fn poll_assignment(&mut self) -> anyhow::Result<AssignmentDelta> {
        let have = self.renew().await?;
        let revoked: Vec<_> = self.reader.partitions().filter(|partition| !have.contains(partition)).cloned().collect();
        revoked.iter().for_each(|partition| self.reader.revoke(partition));
        let known: BTreeSet<_> = self.reader.partitions().cloned().collect();
        let new: Vec<_> = have.difference(&known).cloned().collect();
        let mut assigned = Vec::with_capacity(new.len());
        if !new.is_empty() {
            let positions = (self.positions)(new.clone()).await?;
            ensure!(positions.len() == new.len(), "a position is missing");
            for (partition, position) in new.into_iter().zip(positions) {
                self.reader.assign(partition.clone(), position);
                assigned.push((partition, position));
            }
        }
        Ok(AssignmentDelta { assigned, revoked })
    }

    async fn release(&mut self, revoked: &[Partition]) -> anyhow::Result<()> {
        let topics: Vec<&str> = revoked.iter().map(|partition| &*partition.topic).collect();
        let numbers: Vec<i32> = revoked.iter().map(|partition| partition.number).collect();
        self.reader.client().execute(RELEASE, &[&self.group, &self.member, &topics, &numbers]).await?;
        self.releasing.retain(|releasing| !revoked.contains(releasing));
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Delivery>> {
        self.reader.next().await
    }

    fn set_paused(&mut self, paused: &BTreeSet<Partition>) {
        self.reader.set_paused(paused);
    }

    /// Does nothing: the positions are in the same database.
    async fn report_positions(&mut self, _: &[(Partition, i64)]) -> anyhow::Result<()> {
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
