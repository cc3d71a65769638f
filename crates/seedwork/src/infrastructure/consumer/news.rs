//! What those who read tell the one who handles.

use super::message::Message;
use crate::infrastructure::broker::{Delivery, Partition};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio_postgres::Client;

/// Dropped when nothing of a partition is in work any more.
pub(super) type Released = oneshot::Sender<()>;

/// What the reader tells.
pub(super) enum News {
    /// A partition is heard here from an offset on.
    Gained(Partition, i64),
    /// A partition is heard elsewhere.
    Lost(Partition, Released),
    /// Messages, in the order of each partition.
    Read(Vec<Delivery>),
    /// Parked messages that are due, and a connection to tell what became of them.
    Due(Vec<Message>, Arc<Client>),
}
