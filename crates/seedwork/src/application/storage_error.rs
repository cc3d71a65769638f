//! The errors of the engine: a read or a commit that failed, or whose outcome is unknown.

/// A refusal by the engine, not by the business: a read or a commit failed, or the outcome of a commit is unknown.
///
/// `Display` is for logs and operators. The texts for clients are made at the edge (`infrastructure::client_texts`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Another change to the same aggregate was committed first.
    #[error("another change to the same aggregate was committed first")]
    ConcurrencyConflict,
    /// A value that must be unique is taken: the name of the constraint.
    #[error("the value is taken (constraint {0})")]
    Unique(String),
    /// PostgreSQL refuses the data: a defect of the program, which let them through.
    #[error("PostgreSQL refuses the data: {0}")]
    Invalid(String),
    /// A message or the whole unit exceeds its limit.
    #[error("too large: {bytes} bytes, at most {limit} are accepted")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The consumed message was handled before.
    #[error("the message was handled before")]
    Duplicate,
    /// An earlier message of the same key is parked: this one waits behind it.
    #[error("an earlier message of the same key is parked")]
    Behind,
    /// A defect of the program: a message does not fit its schema, for example.
    #[error("defect of the program: {0}")]
    Defect(String),
    /// The handler exceeded its time limit; nothing was changed.
    #[error("the handler took too long")]
    TimedOut,
    /// Too many units of work are waiting.
    #[error("too many units of work are waiting")]
    Overloaded,
    /// The database does not answer in time; nothing was changed.
    #[error("the database does not answer")]
    Unavailable,
    /// The database did not confirm the commit in time: it may have been done.
    #[error("the outcome of the commit is unknown")]
    Unknown,
}
