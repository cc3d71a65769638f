//! HTTP for the routes of contexts: extractors, answers, problems, and the middleware.
//!
//! A route parses its input into a command or a query, gives it to a [`Bus`] or to [`Queries`], and answers. Every refusal
//! is a [`Problem`]; with [`middleware()`], those of the framework are, too. Clients read Spanish: the texts are in
//! `client_texts` and `schemas`.

mod accepted;
mod access_log;
mod body;
mod bus;
mod connection;
mod correlation;
mod cursor;
mod dates;
mod document;
mod etag;
mod examples;
mod fallback;
mod framework_errors;
mod json;
mod limits;
mod middleware;
mod named;
mod objects_only;
mod page;
mod parse_errors;
mod path;
mod problem;
mod query;
mod schemas;
mod server;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use super::client_texts as texts;
pub use accepted::Accepted;
pub use bus::{Bus, Queries};
pub use dates::{date, instant};
pub use document::document;
pub use etag::Versioned;
pub use fallback::{Routes, fallback};
pub use json::{Body, Json};
pub use limits::Limits;
pub use middleware::middleware;
pub use page::{PageResponse, Paging};
pub use path::Path;
pub use problem::Problem;
pub use query::QueryString;
pub use schemas::{AcceptedBody, PageBody, ProblemBody};
pub use server::{ConnectionLimits, listen, serve};
