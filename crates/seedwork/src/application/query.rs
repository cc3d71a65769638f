//! Queries: what somebody asks the context to tell.

use super::Fault;

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
