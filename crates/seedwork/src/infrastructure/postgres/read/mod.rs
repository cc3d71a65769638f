//! The read side: grouped reads by id, lists and views.

mod batch_loader;
mod loader_slots;
pub(super) mod reads;
mod views;
