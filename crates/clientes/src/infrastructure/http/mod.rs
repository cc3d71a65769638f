//! The HTTP routes of this context.

mod bodies;
mod clientes;
#[cfg(test)]
mod tests;
mod view;

pub(super) use clientes::routes;
