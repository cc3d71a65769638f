//! What a team needs to test a context.
//!
//! | to test | take | feature |
//! |---|---|---|
//! | an aggregate | its own methods: the domain is synchronous and needs nothing | |
//! | a rule over texts | `check`, with many texts | `testing` |
//! | a use case, a reaction | [`World`]: given aggregates, when a command or an event, then what is kept and said; the bus of production, over memory | `testing` |
//! | routes, tables, reads | `TestContext`: a context that runs on a database of its own, asked over HTTP | `testing-postgres` |
//! | a reader's own type of a record | `decode_as`: a published value as that type | `infrastructure` |
//! | consumed and published messages | `TestDatabase::broker`: the embedded broker, to publish and to read as others do | `testing-postgres` |
//! | killing and recovering | `TestProcess`: a context as it runs in the service, which can be killed | `testing-postgres` |
//! | a broker's adapter | [`broker_conformance!`](crate::broker_conformance) | `testing-postgres` |
//!
//! What happens in its own time is waited for with [`eventually`], never slept for.

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
#[cfg(feature = "infrastructure")]
mod eventually;
mod fake;
#[cfg(feature = "testing-postgres")]
mod process;
mod rules;
mod world;

#[cfg(feature = "testing-postgres")]
pub use context::{LoggedMessage, TestContext};
#[cfg(feature = "testing-postgres")]
pub use database::TestDatabase;
#[cfg(feature = "infrastructure")]
pub use decode_as::decode_as;
#[cfg(feature = "testing-postgres")]
pub use embedded::TestBroker;
#[cfg(feature = "infrastructure")]
pub use eventually::eventually;
pub use fake::{FakeUnitOfWork, FakeUnitOfWorkFactory};
#[cfg(feature = "testing-postgres")]
pub use process::TestProcess;
pub use rules::check;
pub use world::World;
