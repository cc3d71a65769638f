//! `sta-api events`: reads topics, and writes to them by hand.

mod send;
mod tail;

pub(crate) use send::Send;
pub(crate) use tail::Tail;
