//! The HTTP routes of this context.

mod bodies;
mod ingesta;
#[cfg(test)]
mod tests;

pub(super) use ingesta::routes;
