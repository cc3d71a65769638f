//! Errors of reads.

use std::sync::Arc;

/// A read that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The database does not answer in time, or too many reads wait.
    #[error("the database does not answer")]
    Unavailable,
    /// The tables of the database do not match the program.
    #[error("the tables do not match the program: {0}")]
    Defect(Arc<str>),
}

/// The reason for which a read failed.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    /// The database does not answer in time.
    Away(String),
    /// PostgreSQL refuses the statement, or the rows do not match the program.
    Defect(String),
}
