//! The HTTP routes of this context.

mod bodies;
mod clientes;
#[cfg(test)]
mod tests;

pub(super) use clientes::routes;
