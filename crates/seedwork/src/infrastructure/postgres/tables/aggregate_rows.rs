//! The rows of an aggregate, and the changes that save it.

use super::{changes::Change, row::Root};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

/// All rows of one aggregate: its root and the parts of it.
///
/// `#[derive(Row)]` implements it for an aggregate of a single row.
pub trait AggregateRows: Clone + Send + Sync + 'static {
    /// The type of the root's row.
    type Root: Root;

    /// The root's row.
    fn root(&self) -> &Self::Root;

    /// Returns the changes that save an aggregate that was loaded at version `expected` (0 for a new one).
    fn changes(self, expected: i32) -> Vec<Change>;

    /// Returns the aggregates with these ids that exist, in any order.
    fn by_ids(ids: Vec<Uuid>, db: &mut AsyncPgConnection) -> impl Future<Output = QueryResult<Vec<Self>>> + Send;
}
