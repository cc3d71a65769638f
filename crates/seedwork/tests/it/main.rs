//! The engine on a real PostgreSQL, with aggregates that are not the simplest case.

mod attacks;
mod committer;
mod log;
mod model;
mod proxy;
mod relay;
mod units;
