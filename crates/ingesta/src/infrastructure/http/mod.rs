//! The HTTP routes of this context.

mod bodies;
mod ingesta;
#[cfg(test)]
mod tests;
mod view;

pub(super) use ingesta::routes;
