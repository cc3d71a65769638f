//! One transaction for many units of work: all together, or each under a savepoint of its own.

use super::{
    failure::{
        Mark, WriteFailure, commit_failure, group_failure, is_of_one_unit, preparing_failure, refusal,
        statement_failure,
    },
    queue::{Unit, Writes},
    session::{ANSWER, INDIVIDUAL_LIMITS, WriteSession},
};
use crate::{
    application::{MessageIdentity, StorageError},
    infrastructure::postgres::{
        changes::{self, Call},
        inbox::{self, InboxCalls},
        outbox::{self, OutboxMessage},
    },
};
use futures_util::future::{join, join_all, join3};
use std::collections::HashMap;
use tokio::time::timeout;
use tokio_postgres::Error;

/// Writes all units in one transaction, in one round trip before the COMMIT.
pub(super) async fn write_group(session: &mut WriteSession, units: &[Unit]) -> Result<(), WriteFailure> {
    let calls = changes::calls(units.iter().flat_map(|unit| &unit.writes.changes), false);
    let messages = units.iter().flat_map(|unit| &unit.writes.messages);
    let first = messages.clone().next().map(|message| message.id);
    let own = inbox::mark();
    let mut inbox = InboxCalls { mark: first.is_none().then_some(&own), ..InboxCalls::default() };
    units.iter().for_each(|unit| unit.writes.add_claims(&mut inbox));
    let log = with_answer_limit(async {
        session.prepare(&calls).await.map_err(preparing_failure)?;
        let (begun, log) = join(session.begin(), write(session, &inbox, &calls, messages.clone())).await;
        begun.map_err(group_failure)?;
        let log = match log.map_err(statement_failure) {
            Ok(log) => log,
            Err(failure) => {
                session.simple("ROLLBACK").await.map_err(group_failure)?;
                return Err(failure);
            }
        };
        let mut culprits = units_of_unwritten_roots(session, &calls, &log, units).await.map_err(group_failure)?;
        if !log.consumed {
            culprits.extend(units_of_unclaimed_messages(session, &inbox, units).await.map_err(group_failure)?);
        }
        if culprits.is_empty() {
            let given_up =
                |(n, unit): (usize, &Unit)| (!unit.joins_the_commit()).then_some((n, Some(StorageError::Unavailable)));
            culprits.extend(units.iter().enumerate().filter_map(given_up));
        }
        if !culprits.is_empty() {
            session.simple("ROLLBACK").await.map_err(group_failure)?;
            return Err(WriteFailure::Culprits(culprits));
        }
        Ok(log)
    })
    .await?;
    let mark = match first {
        Some(id) => Mark::Message { seq: log.before + 1, id },
        None => Mark::Claim(own.id),
    };
    commit(session, mark).await?;
    session.seen = log.after;
    Ok(())
}

/// What became of units that were written one by one in one transaction.
pub(super) struct IndividualOutcomes {
    /// Of each unit, whether its writes are part of the transaction, or why they are not.
    pub(super) outcomes: Vec<Result<(), StorageError>>,
    /// Whether the transaction was committed.
    pub(super) commit: Result<(), WriteFailure>,
}

/// The number of units that may time out before the others are not tried: meanwhile the context's lock is held.
const TIMEOUTS: usize = 3;

/// Writes each unit under a savepoint of its own, in one transaction: the way to learn what is wrong with which.
pub(super) async fn write_individually(
    session: &mut WriteSession,
    units: &[Unit],
) -> Result<IndividualOutcomes, WriteFailure> {
    let mut unprepared = Vec::with_capacity(units.len());
    for unit in units {
        unprepared.push(with_answer_limit(prepare(session, &unit.writes)).await?);
    }
    with_answer_limit(async {
        let (begun, limited) = join(session.begin(), session.simple(INDIVIDUAL_LIMITS)).await;
        begun.and(limited).map_err(group_failure)
    })
    .await?;
    let (mut outcomes, mut first, mut seen) = (Vec::with_capacity(units.len()), None, session.seen);
    let mut timeouts = 0;
    for (unit, unprepared) in units.iter().zip(unprepared) {
        let writes = &unit.writes;
        if let Some(refusal) = unprepared {
            outcomes.push(Err(refusal));
            continue;
        }
        if timeouts == TIMEOUTS || !unit.joins_the_commit() {
            outcomes.push(Err(StorageError::Unavailable));
            continue;
        }
        let written = with_answer_limit(write_one(session, writes)).await?;
        timeouts += usize::from(matches!(written, Err(StorageError::Unavailable)));
        if let (Ok(log), Some(message)) = (&written, writes.messages.first()) {
            first.get_or_insert(Mark::Message { seq: log.before + 1, id: message.id });
            seen = log.after;
        }
        outcomes.push(written.map(drop));
    }
    if outcomes.iter().all(Result::is_err) {
        with_answer_limit(async { session.simple("ROLLBACK").await.map_err(group_failure) }).await?;
        return Ok(IndividualOutcomes { outcomes, commit: Ok(()) });
    }
    let mark = match first {
        Some(mark) => mark,
        None => with_answer_limit(claim(session, &inbox::mark())).await?,
    };
    let commit = commit(session, mark).await;
    if commit.is_ok() {
        session.seen = seen;
    }
    Ok(IndividualOutcomes { outcomes, commit })
}

/// Prepares the statements of one unit. Returns its refusal if they cannot be prepared: a table or a column is missing.
async fn prepare(session: &mut WriteSession, writes: &Writes) -> Result<Option<StorageError>, WriteFailure> {
    let Err(error) = session.prepare(&changes::calls(writes.changes.iter(), true)).await else { return Ok(None) };
    let refusal = refusal(&error);
    match preparing_failure(error) {
        WriteFailure::UnknownCulprit => Ok(Some(refusal)),
        failure => Err(failure),
    }
}

/// Writes the committer's own claim as the mark of units without messages in the log.
async fn claim(session: &WriteSession, own: &MessageIdentity) -> Result<Mark, WriteFailure> {
    let inbox = InboxCalls { mark: Some(own), ..InboxCalls::default() };
    session.inbox(&inbox).await.map_err(group_failure)?;
    Ok(Mark::Claim(own.id.clone()))
}

/// Writes one unit; what it does is undone when it is refused.
async fn write_one(session: &WriteSession, writes: &Writes) -> Result<Result<Log, StorageError>, WriteFailure> {
    let calls = changes::calls(writes.changes.iter(), true);
    let mut inbox = InboxCalls::default();
    writes.add_claims(&mut inbox);
    let (saved, log) =
        join(session.simple("SAVEPOINT unit"), write(session, &inbox, &calls, writes.messages.iter())).await;
    saved.map_err(group_failure)?;
    let refused = match log {
        Ok(log) if !log.consumed => {
            session.simple("ROLLBACK TO unit").await.map_err(group_failure)?;
            let known = session.unclaimed(&inbox).await.map_err(group_failure)?.iter().all(|(_, known)| *known);
            return Ok(Err(if known { StorageError::Duplicate } else { StorageError::Behind }));
        }
        Ok(log) if log.short.is_empty() => {
            session.simple("RELEASE unit").await.map_err(group_failure)?;
            return Ok(Ok(log));
        }
        Ok(_) => StorageError::Conflict,
        Err(error) if is_of_one_unit(&error) => refusal(&error),
        Err(error) => return Err(group_failure(error)),
    };
    session.simple("ROLLBACK TO unit").await.map_err(group_failure)?;
    Ok(Err(refused))
}

/// What a round trip of writes left in the log, and which of its calls wrote too little.
struct Log {
    before: i64,
    after: i64,
    short: Vec<usize>,
    /// Whether every claim was made.
    consumed: bool,
}

/// Makes the calls and appends to the log. Everything is on its way before the first answer is awaited. The error is
/// that of the first statement that failed, not of those that failed because of it.
async fn write<'a>(
    session: &WriteSession,
    inbox: &InboxCalls<'_>,
    calls: &[Call<'_>],
    messages: impl Iterator<Item = &'a OutboxMessage> + Clone,
) -> Result<Log, Error> {
    let count = i64::try_from(messages.clone().count()).unwrap_or(i64::MAX);
    let append = outbox::append(session.seen, messages);
    let appended = async {
        match count {
            0 => Ok(session.seen),
            _ => session.append(&append).await,
        }
    };
    let (consumed, written, before) =
        join3(session.inbox(inbox), join_all(calls.iter().map(|call| session.run(call))), appended).await;
    let consumed = consumed?;
    let mut short = Vec::new();
    for (n, rows) in written.into_iter().enumerate() {
        if rows? < calls[n].roots.len() {
            short.push(n);
        }
    }
    let before = before?;
    Ok(Log { before, after: before + count, short, consumed })
}

/// The units whose roots were not written, by their place in the group.
async fn units_of_unwritten_roots(
    session: &WriteSession,
    calls: &[Call<'_>],
    log: &Log,
    units: &[Unit],
) -> Result<HashMap<usize, Option<StorageError>>, Error> {
    if log.short.is_empty() {
        return Ok(HashMap::new());
    }
    let owners: HashMap<_, _> = units
        .iter()
        .enumerate()
        .flat_map(|(n, unit)| {
            unit.writes.changes.iter().map(move |change| ((change.table().name, change.root_id()), n))
        })
        .collect();
    let mut culprits = HashMap::new();
    for call in log.short.iter().map(|n| &calls[*n]) {
        for root in session.unwritten_roots(call).await? {
            culprits.extend(owners.get(&(call.table.name, Some(root))).map(|n| (*n, None)));
        }
    }
    Ok(culprits)
}

/// The units whose messages were not claimed, with the reason; those that try a parked message again, or do a part of
/// what one calls for, are looked at apart.
async fn units_of_unclaimed_messages(
    session: &WriteSession,
    inbox: &InboxCalls<'_>,
    units: &[Unit],
) -> Result<HashMap<usize, Option<StorageError>>, Error> {
    let place = |wanted: fn(&Writes) -> bool| {
        units.iter().enumerate().filter(move |(_, unit)| wanted(&unit.writes)).map(|(n, _)| n)
    };
    let claims =
        place(|writes| !writes.has_more && writes.consumed.as_ref().is_some_and(|consumed| consumed.parked.is_none()));
    let owners: Vec<usize> = claims.chain(place(|writes| writes.parking.is_some())).collect();
    let mut culprits: HashMap<usize, Option<StorageError>> = HashMap::new();
    for (n, known) in session.unclaimed(inbox).await? {
        let error = if known { StorageError::Duplicate } else { StorageError::Behind };
        culprits.extend(owners.get(n).map(|unit| (*unit, Some(error))));
    }
    if culprits.is_empty() {
        let others = |writes: &Writes| {
            writes.consumed.as_ref().is_some_and(|consumed| writes.has_more || consumed.parked.is_some())
        };
        culprits.extend(place(others).map(|n| (n, None)));
    }
    Ok(culprits)
}

/// Commits. Only sent when every write has been answered.
async fn commit(session: &WriteSession, mark: Mark) -> Result<(), WriteFailure> {
    match timeout(ANSWER, session.commit()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(commit_failure(error, mark)),
        Err(_) => Err(WriteFailure::UnknownOutcome(mark)),
    }
}

/// A server that does not answer at all (frozen, or behind a network that drops) is taken for one that is down.
async fn with_answer_limit<T>(work: impl Future<Output = Result<T, WriteFailure>>) -> Result<T, WriteFailure> {
    timeout(ANSWER, work).await.unwrap_or_else(|_| Err(WriteFailure::Down("no answer in time".into())))
}
