//! The HTTP routes of this context.

mod bodies;
mod reserva;
#[cfg(test)]
mod tests;
mod view;

pub(super) use reserva::routes;
