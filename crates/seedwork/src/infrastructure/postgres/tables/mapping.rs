//! The mapping of aggregates, read models and specifications to tables. A context implements it.

use super::{aggregate_rows::AggregateRows, row::Projection};
use crate::{
    application::ReadModel,
    domain::{Aggregate, Specification, Version},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use std::fmt::Display;
use uuid::Uuid;

/// An aggregate that has tables: it is converted to its rows and restored from them.
///
/// Restoring can fail: rows that the domain refuses are an error, never a panic.
pub trait Persisted: Aggregate + TryFrom<Self::Rows, Error: Display> {
    /// The rows of the aggregate.
    type Rows: AggregateRows + From<Self>;
}

/// Returns the version of an aggregate for its column. One that does not fit becomes the largest that does: an aggregate
/// changes less often than that.
pub fn stored_version(version: Version) -> i32 {
    version.try_into().unwrap_or(i32::MAX)
}

/// A read model that has a table.
pub trait PersistedReadModel: ReadModel {
    /// The row of its table.
    type Row: Projection + From<Self>;
}

/// A specification that the database can search for.
pub trait FindIds: Specification<Of: Persisted> {
    /// Returns the ids of at most `most` committed aggregates that satisfy the specification, in any order. The query
    /// needs an index.
    fn ids(&self, most: i64, db: &mut AsyncPgConnection) -> impl Future<Output = QueryResult<Vec<Uuid>>> + Send;
}
