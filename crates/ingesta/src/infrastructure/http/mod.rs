//! The HTTP routes of this context.

mod bodies;
mod ingesta;
mod view;

pub(super) use ingesta::routes;
