//! How queries are answered: what is stored, as the view that clients get.

use super::{
    database::Pool,
    reads::{ReadError, Reads},
    row::{Listed, Record},
};
use crate::application::{CommitError, Page, PageRequest};
use diesel_async::{AsyncPgConnection, RunQueryDsl, methods::LoadQuery};
use futures_util::{FutureExt, future::BoxFuture};
use std::fmt::Display;
use uuid::Uuid;

impl From<ReadError> for CommitError {
    fn from(_: ReadError) -> Self {
        Self::Unavailable
    }
}

impl<R: Record> Reads<R> {
    /// The view of the record with an id, if there is one.
    ///
    /// # Errors
    ///
    /// The database does not answer, or what is stored cannot be shown.
    pub async fn view<V>(&self, id: Uuid) -> Result<Option<V>, CommitError>
    where
        R: TryInto<V, Error: Display>,
    {
        self.by_id(id).await?.map(view).transpose()
    }
}

// Boxed, because the compiler loses sight of what a query of diesel borrows (nothing) in a future that holds it.
impl Pool {
    /// Everything that a query finds.
    ///
    /// # Errors
    ///
    /// The database does not answer, or what is stored cannot be shown.
    pub fn views<Q, R, V>(&self, query: Q) -> BoxFuture<'_, Result<Vec<V>, CommitError>>
    where
        Q: LoadQuery<'static, AsyncPgConnection, R> + Send + 'static,
        R: TryInto<V, Error: Display> + Send + 'static,
    {
        async move { self.rows(query).await?.into_iter().map(view).collect() }.boxed()
    }

    /// A page of what a query finds, which begins as [`Listed`] begins it.
    ///
    /// # Errors
    ///
    /// The database does not answer, or what is stored cannot be shown.
    pub fn page<Q, R, V>(&self, query: Q, request: PageRequest) -> BoxFuture<'_, Result<Page<V>, CommitError>>
    where
        Q: LoadQuery<'static, AsyncPgConnection, R> + Send + 'static,
        R: Listed + TryInto<V, Error: Display>,
    {
        async move {
            let Page { items, next } = request.page(self.rows(query).await?, R::position);
            Ok(Page { items: items.into_iter().map(view).collect::<Result<_, _>>()?, next })
        }
        .boxed()
    }

    async fn rows<Q, R>(&self, query: Q) -> Result<Vec<R>, ReadError>
    where
        Q: LoadQuery<'static, AsyncPgConnection, R> + 'static,
        R: Send,
    {
        let mut db = self.get().await?;
        query.load(&mut *db).await.map_err(|error| {
            tracing::error!(%error, "a query was not answered");
            ReadError
        })
    }
}

fn view<R: TryInto<V, Error: Display>, V>(row: R) -> Result<V, CommitError> {
    row.try_into().map_err(|error| CommitError::Defect(format!("what is stored cannot be shown: {error}")))
}
