//! Queries: questions that change nothing.

use super::Fault;
use serde::Serializer;
use std::fmt::Display;

/// A question that changes nothing.
pub trait Query: Send + Sync + 'static {
    /// The name in logs and metrics, in kebab-case: `ingesta-por-id`.
    const NAME: &'static str;
    /// The answer.
    type Output: Send;
    /// The error.
    type Error: Fault;
}

/// Answers one type of query, straight from the tables.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the query `{Q}`",
    label = "no handler for `{Q}`",
    note = "write `impl QueryHandler<{Q}> for {Self}` in `infrastructure/reads.rs`"
)]
pub trait QueryHandler<Q: Query>: Send + Sync {
    /// Answers the query.
    fn handle(&self, query: Q) -> impl Future<Output = Result<Q::Output, Q::Error>> + Send;
}

/// Serializes a value of the domain by its name: `#[serde(serialize_with = "by_name")]`. The domain itself knows no
/// serialization.
///
/// # Errors
///
/// The serializer fails.
pub fn by_name<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
