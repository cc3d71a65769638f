//! Classifies errors of PostgreSQL by their meaning for a group of units.

use crate::{application::StorageError, infrastructure::postgres::connection::connector::describe};
use std::collections::HashMap;
use tokio_postgres::{Error, error::SqlState};
use uuid::Uuid;

/// The reason for which a transaction was not committed, or its outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteFailure {
    /// Units lost a race, violated a constraint or were given up. The keys are their indexes in the group, the values
    /// their errors as far as they are known. The others may be written again.
    #[error("units lost a race, violated a constraint or were given up")]
    Culprits(HashMap<usize, Option<StorageError>>),
    /// A statement with the data of several units failed, and the culprit is unknown. Written individually, the others
    /// succeed.
    #[error("a statement of the group failed")]
    UnknownCulprit,
    /// A deadlock, a serialization failure, a lost plan or a lost connection: a retry may succeed.
    #[error("{0}")]
    Retry(String),
    /// The log or the inbox lacks a partition. A retry succeeds after a round of maintenance.
    #[error("no partition for a row of the log or the inbox")]
    NoPartition,
    /// A table or a column that the engine needs is missing.
    #[error("{0}")]
    Defect(String),
    /// The database does not answer, or refuses all statements.
    #[error("{0}")]
    Down(String),
    /// The COMMIT was not answered. The transaction was committed if its mark is found.
    #[error("the COMMIT was not answered")]
    UnknownOutcome(Mark),
}

/// A row that only this transaction can have written. It shows later that the transaction was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// A message under its number in the log.
    Message { seq: i64, id: Uuid },
    /// The committer's own claim in the inbox, by its id. The claim of a message is no mark: another process may have
    /// claimed the same message after this transaction was rolled back.
    Claim(String),
}

/// Classifies an error for which no unit is to blame.
pub(super) fn group_failure(error: Error) -> WriteFailure {
    match error.code() {
        Some(
            &(SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::FEATURE_NOT_SUPPORTED
            | SqlState::INVALID_SQL_STATEMENT_NAME),
        ) => WriteFailure::Retry(describe(&error)),
        _ if is_of_the_connection(&error) => WriteFailure::Retry(describe(&error)),
        _ if lacks_a_partition(&error) => WriteFailure::NoPartition,
        _ if class(&error) == Some("42") => WriteFailure::Defect(describe(&error)),
        _ => WriteFailure::Down(describe(&error)),
    }
}

/// Returns true if the connection was lost. Before the COMMIT was sent, nothing is committed then.
fn is_of_the_connection(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(code, &(SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN)),
        None => true,
    }
}

/// Classifies an error of opening a session. It is not retried at once.
pub(super) fn opening_failure(error: Error) -> WriteFailure {
    match group_failure(error) {
        WriteFailure::Retry(why) => WriteFailure::Down(why),
        failure => failure,
    }
}

/// Classifies an error of a statement that carries the data of units.
pub(super) fn statement_failure(error: Error) -> WriteFailure {
    if is_of_one_unit(&error) { WriteFailure::UnknownCulprit } else { group_failure(error) }
}

/// Classifies an error of preparing a statement. A timeout here means that the whole table is locked.
pub(super) fn preparing_failure(error: Error) -> WriteFailure {
    if is_timeout(&error) { WriteFailure::Down(describe(&error)) } else { statement_failure(error) }
}

/// Classifies an error of a COMMIT. Only some errors prove that nothing was committed. A connection that ends, also by
/// an administrator's command, may have ended after the COMMIT.
pub(super) fn commit_failure(error: Error, mark: Mark) -> WriteFailure {
    match class(&error) {
        Some("22" | "23" | "25" | "40") => group_failure(error),
        _ => WriteFailure::UnknownOutcome(mark),
    }
}

/// Returns true if the error concerns one unit only. An unhealthy server or connection, a lost plan or race, and a
/// missing partition concern all units.
pub(super) fn is_of_one_unit(error: &Error) -> bool {
    let of_all_units = match class(error) {
        None | Some("08" | "0A" | "25" | "26" | "40" | "53" | "58") => true,
        Some("57") => error.code() != Some(&SqlState::QUERY_CANCELED),
        Some(_) => lacks_a_partition(error),
    };
    !of_all_units
}

/// Returns true if the log or the inbox has no partition for a row. PostgreSQL reports this as a violation of a check
/// constraint without a name.
fn lacks_a_partition(error: &Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        let of_the_engine = matches!(db.table(), Some("outbox" | "inbox"));
        *db.code() == SqlState::CHECK_VIOLATION && db.constraint().is_none() && of_the_engine
    })
}

/// Returns the error of the unit whose statement failed.
pub(super) fn refusal(error: &Error) -> StorageError {
    let constraint = error.as_db_error().and_then(|db| db.constraint());
    match (error.code(), constraint) {
        (Some(&SqlState::UNIQUE_VIOLATION), Some(constraint)) => StorageError::Unique(constraint.to_owned()),
        // Another session holds a row, or the server is slow: a retry may succeed.
        _ if is_timeout(error) => StorageError::Unavailable,
        _ if matches!(class(error), Some("22" | "23" | "54")) => StorageError::Invalid(describe(error)),
        _ => StorageError::Defect(describe(error)),
    }
}

fn is_timeout(error: &Error) -> bool {
    matches!(error.code(), Some(&(SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE)))
}

fn class(error: &Error) -> Option<&str> {
    error.code().and_then(|state| state.code().get(..2))
}
