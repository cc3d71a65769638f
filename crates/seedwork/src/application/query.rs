//! Queries: questions that change nothing.

use super::Fault;

/// A question that changes nothing.
pub trait Query: Send + Sync + 'static {
    /// The name in logs and metrics, in kebab-case: `ingesta-por-id`.
    const NAME: &'static str;
    /// The view or the page that it returns.
    type Output: Send;
    /// The refusals of its handler, and the errors of reading.
    type Error: Fault;
}

/// Answers one type of query, straight from the tables.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the query `{Q}`",
    label = "no handler for `{Q}`",
    note = "write `impl QueryHandler<{Q}> for {Self}` in a file of `infrastructure/queries`, named like that of the query"
)]
pub trait QueryHandler<Q: Query>: Send + Sync {
    /// Answers the query.
    fn handle(&self, query: Q) -> impl Future<Output = Result<Q::Output, Q::Error>> + Send;
}
