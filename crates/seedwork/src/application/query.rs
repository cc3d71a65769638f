//! Queries: what somebody asks the context to tell.

use super::Fault;
use serde::Serializer;
use std::fmt::Display;

/// A question. It changes nothing.
pub trait Query: Send + Sync + 'static {
    /// The name in logs and metrics, in kebab-case: `ingesta-por-id`.
    const NAME: &'static str;
    /// The answer.
    type Output: Send;
    /// Why there may be none.
    type Error: Fault;
}

/// Answers one kind of query, straight from the tables.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the query `{Q}`",
    label = "nobody answers `{Q}` here",
    note = "write `impl QueryHandler<{Q}> for {Self}` in `infrastructure/reads.rs`"
)]
pub trait QueryHandler<Q: Query>: Send + Sync {
    /// Answers the query.
    fn handle(&self, query: Q) -> impl Future<Output = Result<Q::Output, Q::Error>> + Send;
}

/// Shows a value of the domain, which knows no serialization, by its name in a view:
/// `#[serde(serialize_with = "by_name")]`.
///
/// # Errors
///
/// Those of the serializer.
pub fn by_name<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
