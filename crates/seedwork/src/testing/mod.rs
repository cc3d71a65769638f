//! The test kit of a context.
//!
//! | to test | take | feature |
//! |---|---|---|
//! | an aggregate | its own methods: the domain is synchronous and needs nothing | |
//! | a rule about texts | `check`, with many texts | `testing` |
//! | a use case, a reaction | [`World`]: given aggregates, when a command or an event, then states and messages; the bus of production over memory | `testing` |
//! | routes, tables, reads | `TestContext`: a context over a database of its own, called over HTTP | `testing-postgres` |
//! | routes before the database is asked | `http::TestServer::nowhere`, with bodies from `http::with` | `testing`, `infrastructure` |
//! | a reader type of a record | `decode_as`: the message that it makes of a sent value | `testing`, `infrastructure` |
//! | consumed and published messages | `TestDatabase::broker`: the embedded broker in the hands of the test | `testing-postgres` |
//! | killing and recovering | `TestProcess`: a context as it runs in the service, which can be killed | `testing-postgres` |
//! | a broker's adapter | [`broker_conformance!`](crate::broker_conformance) | `testing-postgres` |
//!
//! A condition that becomes true at a time of its own is awaited with [`eventually`]; no test sleeps.

#[cfg(feature = "testing-postgres")]
pub mod broker;
#[cfg(feature = "testing-postgres")]
mod context;
#[cfg(feature = "testing-postgres")]
mod database;
#[cfg(feature = "infrastructure")]
mod decode_as;
#[cfg(feature = "testing-postgres")]
mod embedded;
mod fake;
#[cfg(feature = "testing-postgres")]
mod process;
mod rules;
mod world;

/// Requests to routes without a network, and their bodies.
#[cfg(feature = "infrastructure")]
pub use crate::infrastructure::http::testing as http;
#[cfg(feature = "testing-postgres")]
pub use context::{LoggedMessage, TestContext};
#[cfg(feature = "testing-postgres")]
pub use database::TestDatabase;
#[cfg(feature = "infrastructure")]
pub use decode_as::decode_as;
#[cfg(feature = "testing-postgres")]
pub use embedded::TestBroker;
pub use eventually::eventually;
pub use fake::{FakeUnitOfWork, FakeUnitOfWorkFactory};
#[cfg(feature = "testing-postgres")]
pub use process::TestProcess;
pub use rules::check;
pub use world::{Then, World};
