//! The access of a route to the use cases of its context.

use super::{limits::Limits, problem::Problem};
use crate::{
    application::{Cause, Command, CommandHandler, Context, Query, QueryBus, QueryHandler},
    infrastructure::{
        outage::Outage,
        postgres::{PgCommandBus, PgContext, PgUow},
    },
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use std::{
    any::type_name,
    future::{Ready, ready},
    sync::LazyLock,
    time::Duration,
};

/// The log lines about queries that miss their deadline.
static LATE: LazyLock<Outage> = LazyLock::new(Outage::default);

/// The extractor of a context's commands, caused by the request. A context names its own:
/// `type Bus = http::Bus<Handlers>`; its [`PgCommandBus`] is app data of the server.
pub struct Bus<H: Context> {
    bus: web::Data<PgCommandBus<H>>,
    cause: Cause,
}

impl<H: PgContext> Bus<H> {
    /// Handles a command and commits what it changed.
    ///
    /// # Errors
    ///
    /// See [`PgCommandBus::dispatch`].
    pub async fn dispatch<C>(&self, command: C) -> Result<C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, PgUow<H>>,
    {
        self.bus.dispatch(command, &self.cause).await
    }
}

impl<H: Context> FromRequest for Bus<H> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let cause = request.extensions().get::<Cause>().cloned().unwrap_or_default();
        ready(provided(request).map(|bus| Self { bus, cause }))
    }
}

/// The extractor of a context's queries. Its [`QueryBus`] is app data of the server.
pub struct Queries<R> {
    bus: web::Data<QueryBus<R>>,
    deadline: Duration,
}

impl<R> Queries<R> {
    /// Answers a query, within the deadline of a request.
    ///
    /// # Errors
    ///
    /// The error of the query, or 503 if the answer misses the deadline.
    pub async fn ask<Q>(&self, query: Q) -> Result<Q::Output, Problem>
    where
        Q: Query,
        R: QueryHandler<Q>,
    {
        match tokio::time::timeout(self.deadline, self.bus.ask(query)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                LATE.refused(type_name::<Q>(), 1, "no answer in time".to_owned());
                Err(Problem::unavailable())
            }
        }
    }
}

impl<R: 'static> FromRequest for Queries<R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let deadline = Limits::of(request).deadline;
        ready(provided(request).map(|bus| Self { bus, deadline }))
    }
}

/// Returns the app data that the module of a context gives to the server.
fn provided<T: 'static>(request: &HttpRequest) -> Result<web::Data<T>, Problem> {
    request.app_data().cloned().ok_or_else(|| {
        tracing::error!(app_data = type_name::<T>(), "the app data of a route is missing");
        Problem::defect()
    })
}
