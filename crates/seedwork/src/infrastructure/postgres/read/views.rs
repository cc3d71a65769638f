//! Answers queries: reads stored rows and converts them to views.

use super::reads::Reads;
use crate::{
    application::{Page, PageRequest, StorageError},
    infrastructure::postgres::{
        connection::{pool::Pool, read_error::ReadError},
        tables::{aggregate_rows::AggregateRows, row::ListedRow},
    },
};
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, methods::LoadQuery};
use futures_util::{FutureExt, TryStreamExt, future::BoxFuture};
use std::{fmt::Display, pin::pin};
use uuid::Uuid;

/// The most bytes of rows in a page. A larger row is a page of its own.
const PAGE_BYTES: usize = 256 * 1024;

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::Unavailable,
            ReadError::Defect(_) => Self::Defect(error.to_string()),
        }
    }
}

impl<R: AggregateRows> Reads<R> {
    /// Returns the view of the aggregate with an id, if there is one.
    ///
    /// # Errors
    ///
    /// The database does not answer, or the stored row has no view.
    pub async fn view<V>(&self, id: Uuid) -> Result<Option<V>, StorageError>
    where
        R: TryInto<V, Error: Display>,
    {
        self.by_id(id).await?.map(view).transpose()
    }
}

/// A query that can be sent again. diesel builds SQL from a reference to it. A unique reference may go to another
/// thread even if the query is not `Sync`, as a boxed query is not.
pub struct BorrowedQuery<'q, Q>(&'q mut Q);

impl<Q: Query> Query for BorrowedQuery<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryId> QueryId for BorrowedQuery<'_, Q> {
    type QueryId = Q::QueryId;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for BorrowedQuery<'_, Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

/// A query for rows that can be run more than once.
pub trait RepeatableQuery<R>: Send + 'static {
    /// Runs the query. Rows are read one by one, until they are more than [`PAGE_BYTES`] together. So rows beyond a
    /// page are never in memory.
    fn load_rows<'a>(
        &'a mut self,
        db: &'a mut AsyncPgConnection,
        bytes: fn(&R) -> usize,
    ) -> BoxFuture<'a, QueryResult<Vec<R>>>;
}

impl<Q, R> RepeatableQuery<R> for Q
where
    for<'q> BorrowedQuery<'q, Q>: LoadQuery<'q, AsyncPgConnection, R>,
    Q: Send + 'static,
    R: Send + 'static,
{
    fn load_rows<'a>(
        &'a mut self,
        db: &'a mut AsyncPgConnection,
        bytes: fn(&R) -> usize,
    ) -> BoxFuture<'a, QueryResult<Vec<R>>> {
        async move {
            let mut rows = pin!(BorrowedQuery(self).load_stream::<R>(db).await?);
            let (mut read, mut total) = (Vec::new(), 0);
            while let Some(row) = rows.try_next().await? {
                total += bytes(&row);
                read.push(row);
                if is_too_much(total, read.len()) {
                    break;
                }
            }
            Ok(read)
        }
        .boxed()
    }
}

fn is_too_much(bytes: usize, rows: usize) -> bool {
    bytes > PAGE_BYTES && rows > 1
}

impl Pool {
    /// Returns the views of all rows that a query selects.
    ///
    /// # Errors
    ///
    /// The database does not answer, or a stored row has no view.
    pub async fn views<Q, R, V>(&self, query: Q) -> Result<Vec<V>, StorageError>
    where
        Q: RepeatableQuery<R>,
        R: TryInto<V, Error: Display> + Send + 'static,
    {
        self.rows(query, |_| 0).await?.into_iter().map(view).collect()
    }

    /// Returns one page of a query that begins with the `newest_first(page)` of [`ListedRow`]. The page has the
    /// requested number of items, or fewer if they are large; the next page has the rest.
    ///
    /// # Errors
    ///
    /// The database does not answer, or a stored row has no view.
    pub async fn page<Q, R, V>(&self, query: Q, request: PageRequest) -> Result<Page<V>, StorageError>
    where
        Q: RepeatableQuery<R>,
        R: ListedRow + TryInto<V, Error: Display>,
    {
        let rows = self.rows(query, R::bytes).await?;
        let mut fit = rows.len();
        if is_too_much(rows.iter().map(R::bytes).sum(), fit) {
            fit -= 1;
        }
        let request = PageRequest { limit: request.limit.min(u32::try_from(fit).unwrap_or(u32::MAX)), ..request };
        let Page { items, next } = request.page(rows, R::cursor);
        Ok(Page { items: items.into_iter().map(view).collect::<Result<_, _>>()?, next })
    }

    /// Boxed, because the compiler cannot prove at the call sites that the future is `Send`.
    fn rows<'p, R: Send + 'static>(
        &'p self,
        mut query: impl RepeatableQuery<R>,
        bytes: fn(&R) -> usize,
    ) -> BoxFuture<'p, Result<Vec<R>, ReadError>> {
        let read = self.read(async move |db| query.load_rows(db, bytes).await);
        async move { read.await.map_err(|failed| self.refuse(failed, 1)) }.boxed()
    }
}

fn view<R: TryInto<V, Error: Display>, V>(row: R) -> Result<V, StorageError> {
    row.try_into().map_err(|error| StorageError::Defect(format!("a stored row has no view: {error}")))
}
