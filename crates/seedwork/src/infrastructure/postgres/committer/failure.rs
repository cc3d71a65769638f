//! What the errors of PostgreSQL mean for a group of units.

use super::queue::Writes;
use crate::{application::CommitError, infrastructure::postgres::connector::describe};
use std::collections::HashMap;
use tokio_postgres::{Error, error::SqlState};
use uuid::Uuid;

/// Why a transaction was not committed, or why nobody knows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Units lost a race, collided or were given up: these, by their place in the group, with their error where it is
    /// known. The others may be written again.
    #[error("units lost a race, collided or were given up")]
    Culprits(HashMap<usize, Option<CommitError>>),
    /// PostgreSQL refuses the data of a unit and does not name it.
    #[error("the data of a unit are refused")]
    Somebody,
    /// A deadlock, a serialization failure, a lost plan or a lost connection: the same again may succeed.
    #[error("{0}")]
    Again(String),
    /// The database does not answer, or answers no to everybody.
    #[error("{0}")]
    Down(String),
    /// The COMMIT was not answered. The mark, if the group left one, tells whether it was done.
    #[error("the COMMIT was not answered")]
    Unknown(Option<Mark>),
}

/// What a group left, by which its transaction is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// A message under its number in the log.
    Message { seq: i64, id: Uuid },
    /// A message that was claimed.
    Claim { source: String, id: String },
}

impl Mark {
    /// Of units whose messages follow the number `before`.
    pub(super) fn of<'a>(before: i64, mut units: impl Iterator<Item = &'a Writes> + Clone) -> Option<Self> {
        let said = units.clone().flat_map(|writes| &writes.messages).next();
        match said {
            Some(first) => Some(Self::Message { seq: before + 1, id: first.id }),
            None => units.find_map(|writes| {
                let heard = writes.heard.as_ref().filter(|heard| heard.parked.is_none() && !writes.has_more);
                let heard = heard.or(writes.parking.as_ref().map(|parking| &parking.heard))?;
                Some(Self::Claim { source: heard.source.clone(), id: heard.id.clone() })
            }),
        }
    }
}

/// Of an error that no unit can be to blame for.
pub(super) fn of_the_group(error: Error) -> Failure {
    match error.code() {
        Some(
            &(SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::FEATURE_NOT_SUPPORTED
            | SqlState::INVALID_SQL_STATEMENT_NAME),
        ) => Failure::Again(describe(&error)),
        _ if is_of_the_connection(&error) => Failure::Again(describe(&error)),
        _ => Failure::Down(describe(&error)),
    }
}

/// Whether the connection was lost. Nothing is committed then, as long as no COMMIT was sent.
fn is_of_the_connection(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(code, &(SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN)),
        None => true,
    }
}

/// Of an error of a statement that carries the data of units.
pub(super) fn of_a_statement(error: Error) -> Failure {
    if is_of_one_unit(&error) { Failure::Somebody } else { of_the_group(error) }
}

/// Of an error that answers a COMMIT: only some say that nothing was committed. A connection that ends, also by an
/// administrator's word, may have ended after the COMMIT was done.
pub(super) fn of_the_commit(error: Error, mark: Option<Mark>) -> Failure {
    match class(&error) {
        Some("22" | "23" | "25" | "40") => of_the_group(error),
        _ => Failure::Unknown(mark),
    }
}

/// Whether the data of one unit are to blame: data exceptions, broken constraints, more than an index can hold.
pub(super) fn is_of_one_unit(error: &Error) -> bool {
    // The log itself is nobody's data: it can lack a partition.
    let of_the_log = error.as_db_error().and_then(|db| db.table()) == Some("outbox");
    matches!(class(error), Some("22" | "23" | "54")) && !of_the_log
}

/// What the unit to blame is told.
pub(super) fn refusal(error: &Error) -> CommitError {
    let constraint = error.as_db_error().and_then(|db| db.constraint());
    match (error.code(), constraint) {
        (Some(&SqlState::UNIQUE_VIOLATION), Some(constraint)) => CommitError::Unique(constraint.to_owned()),
        _ => CommitError::Invalid(describe(error)),
    }
}

fn class(error: &Error) -> Option<&str> {
    error.code().and_then(|state| state.code().get(..2))
}
