//! One transaction for many units of work: as a group, or each under a savepoint of its own.

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
        tables::changes::{self, Call},
        write::{
            inbox::{self, InboxCalls},
            outbox::{self, OutboxMessage},
        },
    },
};
use futures_util::future::{join, join_all, join3};
use std::collections::HashMap;
use tokio::time::timeout;
use tokio_postgres::Error;

/// Writes all units in one transaction, with one round trip before the COMMIT.
pub(super) async fn write_group(session: &mut WriteSession, units: &[Unit]) -> Result<(), WriteFailure> {
    let calls = changes::calls(units.iter().flat_map(|unit| &unit.writes.changes), false);
    let messages = units.iter().flat_map(|unit| &unit.writes.messages);
    let first = messages.clone().next().map(|message| message.id);
    let own = inbox::mark();
    let mut inbox = InboxCalls { mark: first.is_none().then_some(&own), ..InboxCalls::default() };
    units.iter().for_each(|unit| unit.writes.add_claims(&mut inbox));
    let written = with_answer_limit(async {
        session.prepare(&calls).await.map_err(preparing_failure)?;
        let (begun, written) = join(session.begin(), write(session, &inbox, &calls, messages.clone())).await;
        begun.map_err(group_failure)?;
        let written = match written.map_err(statement_failure) {
            Ok(written) => written,
            Err(failure) => {
                session.simple("ROLLBACK").await.map_err(group_failure)?;
                return Err(failure);
            }
        };
        let mut culprits = units_of_unwritten_roots(session, &calls, &written, units).await.map_err(group_failure)?;
        if !written.claimed {
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
        Ok(written)
    })
    .await?;
    let mark = match first {
        Some(id) => Mark::Message { seq: written.before + 1, id },
        None => Mark::Claim(own.id),
    };
    commit(session, mark).await?;
    session.seen = written.after;
    Ok(())
}

/// The outcomes of units that were written one by one in one transaction.
pub(super) struct IndividualOutcomes {
    /// For each unit: its writes are part of the transaction, or the reason why not.
    pub(super) outcomes: Vec<Result<(), StorageError>>,
    /// The outcome of the COMMIT.
    pub(super) commit: Result<(), WriteFailure>,
}

/// The number of units that may time out. Then the rest is refused, because the context's lock is held meanwhile.
const TIMEOUTS: usize = 3;

/// Writes each unit under a savepoint of its own, in one transaction. So each culprit gets its own error.
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
        if let (Ok(written), Some(message)) = (&written, writes.messages.first()) {
            first.get_or_insert(Mark::Message { seq: written.before + 1, id: message.id });
            seen = written.after;
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

/// Writes the committer's own claim, the mark of units without messages in the log.
async fn claim(session: &WriteSession, own: &MessageIdentity) -> Result<Mark, WriteFailure> {
    let inbox = InboxCalls { mark: Some(own), ..InboxCalls::default() };
    session.inbox(&inbox).await.map_err(group_failure)?;
    Ok(Mark::Claim(own.id.clone()))
}

/// Writes one unit. A refused unit is rolled back.
async fn write_one(session: &WriteSession, writes: &Writes) -> Result<Result<Written, StorageError>, WriteFailure> {
    let calls = changes::calls(writes.changes.iter(), true);
    let mut inbox = InboxCalls::default();
    writes.add_claims(&mut inbox);
    let (saved, written) =
        join(session.simple("SAVEPOINT unit"), write(session, &inbox, &calls, writes.messages.iter())).await;
    saved.map_err(group_failure)?;
    let refused = match written {
        Ok(written) if !written.claimed => {
            session.simple("ROLLBACK TO unit").await.map_err(group_failure)?;
            let known = session.unclaimed(&inbox).await.map_err(group_failure)?.iter().all(|(_, known)| *known);
            return Ok(Err(if known { StorageError::Duplicate } else { StorageError::Behind }));
        }
        Ok(written) if written.short.is_empty() => {
            session.simple("RELEASE unit").await.map_err(group_failure)?;
            return Ok(Ok(written));
        }
        Ok(_) => StorageError::ConcurrencyConflict,
        Err(error) if is_of_one_unit(&error) => refusal(&error),
        Err(error) => return Err(group_failure(error)),
    };
    session.simple("ROLLBACK TO unit").await.map_err(group_failure)?;
    Ok(Err(refused))
}

/// The result of a round trip of writes.
struct Written {
    /// The number of the log before the unit's or the group's first message.
    before: i64,
    /// The number of the last message.
    after: i64,
    /// The indexes of the calls that wrote too few rows.
    short: Vec<usize>,
    /// True if all messages were claimed, checked, parked and unparked.
    claimed: bool,
}

/// Makes the calls and appends to the log, all in one round trip. The error is that of the first statement that failed,
/// not of those that failed because of it.
async fn write<'a>(
    session: &WriteSession,
    inbox: &InboxCalls<'_>,
    calls: &[Call<'_>],
    messages: impl Iterator<Item = &'a OutboxMessage> + Clone,
) -> Result<Written, Error> {
    let count = i64::try_from(messages.clone().count()).unwrap_or(i64::MAX);
    let append = outbox::append(session.seen, messages);
    let appended = async {
        match count {
            0 => Ok(session.seen),
            _ => session.append(&append).await,
        }
    };
    let (claimed, rows, before) =
        join3(session.inbox(inbox), join_all(calls.iter().map(|call| session.run(call))), appended).await;
    let claimed = claimed?;
    let mut short = Vec::new();
    for (n, rows) in rows.into_iter().enumerate() {
        if rows? < calls[n].roots.len() {
            short.push(n);
        }
    }
    let before = before?;
    Ok(Written { before, after: before + count, short, claimed })
}

/// Returns the units whose roots were not written, by their index in the group.
async fn units_of_unwritten_roots(
    session: &WriteSession,
    calls: &[Call<'_>],
    written: &Written,
    units: &[Unit],
) -> Result<HashMap<usize, Option<StorageError>>, Error> {
    if written.short.is_empty() {
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
    for call in written.short.iter().map(|n| &calls[*n]) {
        for root in session.unwritten_roots(call).await? {
            culprits.extend(owners.get(&(call.table.name, Some(root))).map(|n| (*n, None)));
        }
    }
    Ok(culprits)
}

/// Returns the units whose messages were not claimed, each with the reason. If there are none, the culprits are among
/// the units that retry a parked message or write a part of an effect: these are written individually.
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

/// Commits. All writes must have been answered.
async fn commit(session: &WriteSession, mark: Mark) -> Result<(), WriteFailure> {
    match timeout(ANSWER, session.commit()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(commit_failure(error, mark)),
        Err(_) => Err(WriteFailure::UnknownOutcome(mark)),
    }
}

/// Limits the wait for answers. A server that does not answer, because it is frozen or the network drops packets,
/// counts as down.
async fn with_answer_limit<T>(work: impl Future<Output = Result<T, WriteFailure>>) -> Result<T, WriteFailure> {
    timeout(ANSWER, work).await.unwrap_or_else(|_| Err(WriteFailure::Down("no answer in time".into())))
}
