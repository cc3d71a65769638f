//! The inbox (the idempotent receiver pattern): a message has one effect in a context, however often it is delivered.
//! The claim of the message is written in the transaction of the effect.

use crate::{application::MessageIdentity, domain::Timestamp, infrastructure::postgres::tables::row::Param};
use std::sync::Arc;
use uuid::Uuid;

/// A message to park, with all that a retry needs.
#[derive(Debug, Clone)]
pub(crate) struct Parking {
    pub(crate) consumed: Arc<MessageIdentity>,
    pub(crate) offset: i64,
    pub(crate) headers: String,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) tries: i32,
    pub(crate) due_at: Timestamp,
    /// True if it is not retried until an operator asks for it. Ignored if earlier messages of its key are parked: it
    /// may have failed because of them.
    pub(crate) dead: bool,
    /// True if it is parked only behind earlier messages of its key. The process's memory is a hint: the table decides.
    pub(crate) behind: bool,
    pub(crate) reason: String,
}

impl Parking {
    /// Returns its size in memory in bytes, without its claim.
    pub(super) fn bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, Vec::capacity);
        size_of::<Self>() + self.headers.capacity() + value + self.reason.capacity()
    }
}

/// Returns the size of a claim in memory in bytes.
pub(super) fn claim_bytes(consumed: &MessageIdentity) -> usize {
    let key = consumed.key.as_ref().map_or(0, Vec::capacity);
    size_of::<MessageIdentity>() + consumed.source.capacity() + consumed.id.capacity() + key
}

/// Claims messages, unless they were claimed before or an earlier one of their key is parked.
pub(super) const CLAIM: &str = "\
    INSERT INTO inbox (source, id, at, state) SELECT r.source, r.id, now(), 'applied' \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS r (source, id, topic, key) \
    WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.source = r.source AND i.id = r.id) \
    AND NOT EXISTS (SELECT FROM parked p WHERE p.topic = r.topic AND p.key = r.key)";

/// Claims and parks messages, behind the parked messages of their key.
pub(super) const PARK: &str = "\
    WITH r AS MATERIALIZED (SELECT r.*, EXISTS (SELECT FROM parked p WHERE p.topic = r.topic AND p.key = r.key) AS blocked \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::int4[], $6::int8[], \
    $7::text[], $8::bytea[], $9::int4[], $10::timestamptz[], $11::bool[], $12::text[], $13::bool[]) WITH ORDINALITY \
    AS r (source, id, topic, key, partition, \"offset\", headers, value, tries, due_at, dead, reason, behind, n)), \
    claimed AS (INSERT INTO inbox (source, id, at, state) SELECT r.source, r.id, now(), 'parked' FROM r \
    WHERE (r.blocked OR NOT r.behind) \
    AND NOT EXISTS (SELECT FROM inbox i WHERE i.source = r.source AND i.id = r.id) RETURNING source, id) \
    INSERT INTO parked (source, id, topic, key, partition, \"offset\", headers, value, tries, due_at, dead, reason, parked_at) \
    SELECT r.source, r.id, r.topic, r.key, r.partition, r.\"offset\", r.headers, r.value, r.tries, r.due_at, \
    r.dead AND NOT r.blocked, r.reason, now() FROM r JOIN claimed USING (source, id) ORDER BY r.n";

/// Selects, of messages that a later unit claims, those that are still free: neither claimed nor behind a parked
/// message of their key. A retried message is free as long as it is parked.
pub(super) const CHECK: &str = "\
    SELECT FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::int8[]) AS r (source, id, topic, key, n) \
    WHERE CASE WHEN r.n IS NOT NULL THEN EXISTS (SELECT FROM parked p WHERE p.n = r.n) \
    ELSE NOT EXISTS (SELECT FROM inbox i WHERE i.source = r.source AND i.id = r.id) \
    AND NOT EXISTS (SELECT FROM parked p WHERE p.topic = r.topic AND p.key = r.key) END";

/// Deletes parked messages, in the transaction of their effect.
pub(super) const UNPARK: &str = "\
    WITH gone AS (DELETE FROM parked p USING unnest($1::int8[]) AS r (n) WHERE p.n = r.n RETURNING p.source, p.id) \
    UPDATE inbox i SET state = 'applied' FROM gone WHERE i.source = gone.source AND i.id = gone.id";

/// Selects the messages that this transaction did not claim, each with true if an earlier transaction has claimed it.
pub(super) const UNCLAIMED: &str = "\
    SELECT r.n, EXISTS (SELECT FROM inbox i WHERE i.source = r.source AND i.id = r.id) \
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (source, id, n) WHERE NOT EXISTS \
    (SELECT FROM inbox i WHERE i.source = r.source AND i.id = r.id AND i.xmin = pg_current_xact_id()::xid)";

/// Selects the committer's own claim with this id. A row means that the COMMIT was done.
pub(super) const HAS: &str = "SELECT 1 FROM inbox WHERE source = '/sta/committer' AND id = $1";

/// Returns the committer's own claim: the mark of a group without messages in the log.
pub(super) fn mark() -> MessageIdentity {
    MessageIdentity {
        source: "/sta/committer".into(),
        id: Uuid::now_v7().to_string(),
        topic: "".into(),
        partition: 0,
        key: None,
        parked: None,
    }
}

/// The effect of a group of units on the inbox.
#[derive(Default)]
pub(super) struct InboxCalls<'a> {
    pub(super) claims: Vec<&'a MessageIdentity>,
    /// The committer's own claim, if the group has no messages in the log.
    pub(super) mark: Option<&'a MessageIdentity>,
    pub(super) unparks: Vec<i64>,
    pub(super) parks: Vec<&'a Parking>,
    /// Messages that a later unit will claim.
    pub(super) checks: Vec<&'a MessageIdentity>,
}

impl<'a> InboxCalls<'a> {
    pub(super) fn add(&mut self, consumed: &'a MessageIdentity, has_more: bool) {
        match consumed.parked {
            _ if has_more => self.checks.push(consumed),
            Some(n) => self.unparks.push(n),
            None => self.claims.push(consumed),
        }
    }

    pub(super) fn park(&mut self, parking: &'a Parking) {
        self.parks.push(parking);
    }

    pub(super) fn claim(&self) -> Vec<Param<'a>> {
        let claims: Vec<_> = self.claims.iter().copied().chain(self.mark).collect();
        messages(&claims)
    }

    /// Returns the number of claims, the committer's own included.
    pub(super) fn claim_count(&self) -> usize {
        self.claims.len() + usize::from(self.mark.is_some())
    }

    pub(super) fn check(&self) -> Vec<Param<'a>> {
        let mut params = messages(&self.checks);
        params.push(Box::new(self.checks.iter().map(|consumed| consumed.parked).collect::<Vec<_>>()));
        params
    }

    pub(super) fn unpark(&self) -> Vec<Param<'a>> {
        vec![Box::new(self.unparks.clone())]
    }

    pub(super) fn parking(&self) -> Vec<Param<'a>> {
        let parks = &self.parks;
        vec![
            Box::new(parks.iter().map(|one| one.consumed.source.as_str()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.consumed.id.as_str()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| &*one.consumed.topic).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.consumed.key.as_deref()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.consumed.partition).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.offset).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.headers.as_str()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.value.as_deref()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.tries).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.due_at).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.dead).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>()),
            Box::new(parks.iter().map(|one| one.behind).collect::<Vec<_>>()),
        ]
    }

    /// The sources and ids of the messages to claim, of those to park, and of those to check, in this order.
    pub(super) fn claimed(&self) -> Vec<Param<'a>> {
        let claims = || self.claims.iter().copied().chain(self.parks.iter().map(|one| &*one.consumed));
        let all = || claims().chain(self.checks.iter().copied());
        vec![
            Box::new(all().map(|consumed| consumed.source.as_str()).collect::<Vec<_>>()),
            Box::new(all().map(|consumed| consumed.id.as_str()).collect::<Vec<_>>()),
        ]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claim_count() == 0 && self.unparks.is_empty() && self.parks.is_empty() && self.checks.is_empty()
    }
}

/// The columns that identify messages and order them.
fn messages<'a>(all: &[&'a MessageIdentity]) -> Vec<Param<'a>> {
    vec![
        Box::new(all.iter().map(|consumed| consumed.source.as_str()).collect::<Vec<_>>()),
        Box::new(all.iter().map(|consumed| consumed.id.as_str()).collect::<Vec<_>>()),
        Box::new(all.iter().map(|consumed| &*consumed.topic).collect::<Vec<_>>()),
        Box::new(all.iter().map(|consumed| consumed.key.as_deref()).collect::<Vec<_>>()),
    ]
}
