//! HTTP: what a context's routes are written with. Extractors that refuse in the client's language, answers, problems,
//! and the middleware around all of it.
//!
//! A route parses its input into a command or a query, gives it to a [`Bus`] or to [`Queries`], and answers. Every
//! refusal on the way is a [`Problem`], also those of the framework, once the server is wrapped in [`around()`].

mod accepted;
mod access;
mod around;
mod body;
mod bus;
mod connection;
mod correlation;
mod cursor;
mod document;
mod etag;
mod examples;
mod explain;
mod fallback;
mod json;
mod limits;
mod named;
mod page;
mod path;
mod problem;
mod query;
mod refused;
mod server;
mod strict;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod schemas;
mod text;

use super::client_texts as texts;
pub use accepted::Accepted;
pub use around::around;
pub use bus::{Bus, Queries};
pub use document::document;
pub use etag::Versioned;
pub use fallback::{Routes, fallback};
pub use json::{Body, Json};
pub use limits::Limits;
pub use page::{Listed, Paging};
pub use path::Path;
pub use problem::Problem;
pub use query::Query;
pub use schemas::{AcceptedBody, ListedBody, ProblemBody};
pub use server::{Clients, listen, serve};
pub use text::{date, instant};
