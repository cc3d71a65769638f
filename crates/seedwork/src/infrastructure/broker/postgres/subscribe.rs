//! Reads topics as one of a group: each partition is leased to one process, and all have their fair share.
//!
//! A lease only spares work. What two processes that both believe in theirs do is still done once and in order, because
//! each message is claimed in the transaction of its effect.

use super::{
    CHANNEL, publish,
    read::{POLL, READ, delivery},
};
use crate::infrastructure::{
    broker::{Delivery, Partition, Subscriber},
    postgres::{Database, Listener},
};
use std::time::Duration;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

/// How long a process keeps its share without asking for it again.
const TERM: Duration = Duration::from_secs(5);

/// Says that this process lives; answers how many do.
const JOIN: &str = "\
    WITH me AS (INSERT INTO broker.members (\"group\", member, expires_at) \
    VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
    ON CONFLICT (\"group\", member) DO UPDATE SET expires_at = excluded.expires_at) \
    SELECT count(*) + 1 FROM broker.members WHERE \"group\" = $1 AND member <> $2 AND expires_at > clock_timestamp()";

/// Keeps what this process has, and answers it.
const KEEP: &str = "\
    UPDATE broker.leases SET expires_at = clock_timestamp() + make_interval(secs => $3) \
    WHERE \"group\" = $1 AND member = $2 RETURNING topic, partition";

/// Gives up what is more than a fair share.
const RELEASE: &str = "\
    DELETE FROM broker.leases WHERE ctid IN (SELECT ctid FROM broker.leases WHERE \"group\" = $1 AND member = $2 \
    ORDER BY topic, partition DESC LIMIT $3)";

/// Takes what nobody has, up to a fair share.
const TAKE: &str = "\
    INSERT INTO broker.leases (\"group\", topic, partition, member, expires_at) \
    SELECT $1, p.topic, p.partition, $2, clock_timestamp() + make_interval(secs => $3) FROM broker.partitions p \
    LEFT JOIN broker.leases l ON l.\"group\" = $1 AND l.topic = p.topic AND l.partition = p.partition \
    WHERE p.topic = ANY($4) AND (l.member IS NULL OR l.expires_at < clock_timestamp()) \
    ORDER BY p.topic, p.partition LIMIT $5 \
    ON CONFLICT (\"group\", topic, partition) DO UPDATE SET member = excluded.member, expires_at = excluded.expires_at \
    WHERE leases.expires_at < clock_timestamp() RETURNING topic, partition";

const COUNT: &str = "SELECT count(*) FROM broker.partitions WHERE topic = ANY($1)";

/// Reads for one process of a group.
pub struct PgSubscriber {
    client: Client,
    news: Listener,
    read: Statement,
    group: String,
    topics: Vec<&'static str>,
    member: Uuid,
}

impl PgSubscriber {
    pub(super) async fn open(
        database: &Database,
        group: &str,
        topics: &[&'static str],
        partitions: i32,
    ) -> anyhow::Result<Self> {
        let (client, news) = database.listen(CHANNEL).await?;
        for topic in topics {
            client.execute(publish::CREATE, &[topic, &partitions]).await?;
        }
        let read = client.prepare(READ).await?;
        Ok(Self { client, news, read, group: group.to_owned(), topics: topics.to_vec(), member: Uuid::now_v7() })
    }
}

impl Subscriber for PgSubscriber {
    async fn share(&mut self) -> anyhow::Result<Vec<Partition>> {
        let (group, member, term) = (&self.group, &self.member, TERM.as_secs_f64());
        let members: i64 = self.client.query_one(JOIN, &[group, member, &term]).await?.get(0);
        let all: i64 = self.client.query_one(COUNT, &[&self.topics]).await?.get(0);
        let fair = (all + members - 1) / members;
        let kept = self.client.query(KEEP, &[group, member, &term]).await?;
        let have = i64::try_from(kept.len())?;
        if have > fair {
            self.client.execute(RELEASE, &[group, member, &(have - fair)]).await?;
            return Ok(self.client.query(KEEP, &[group, member, &term]).await?.iter().map(partition).collect());
        }
        let taken = match fair - have {
            0 => Vec::new(),
            missing => self.client.query(TAKE, &[group, member, &term, &self.topics, &missing]).await?,
        };
        Ok(kept.iter().chain(&taken).map(partition).collect())
    }

    async fn read(&mut self, partition: &Partition, from: i64, limit: i64) -> anyhow::Result<Vec<Delivery>> {
        let rows = self.client.query(&self.read, &[&partition.topic, &partition.number, &from, &limit]).await?;
        rows.iter().map(|row| delivery(&partition.topic, partition.number, row)).collect()
    }

    async fn news(&mut self) {
        let _ = tokio::time::timeout(POLL, self.news.heard()).await;
    }
}

fn partition(row: &Row) -> Partition {
    Partition { topic: row.get(0), number: row.get(1) }
}
