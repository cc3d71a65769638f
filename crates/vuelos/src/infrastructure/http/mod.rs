//! The HTTP routes of this context.

mod bodies;
mod reserva;
#[cfg(test)]
mod tests;

pub(super) use reserva::routes;
