//! What those who read tell the one who handles.

use super::message::Message;
use crate::infrastructure::broker::Partition;
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Client;

/// Dropped when nothing of a partition is in work any more.
pub(super) type Released = oneshot::Sender<()>;

/// What is heard here. It is told and taken at once, however much is open.
pub(super) enum Change {
    /// A partition is heard here from an offset on, since a turn of the reader.
    Gained(Partition, i64, u64),
    /// A partition is heard elsewhere.
    Lost(Partition, Released),
}

/// Work for the handler task. Sending blocks while the channel is full.
pub(super) enum Work {
    /// Messages, in the order of each partition, and the turn in which they were read: what was read of a partition
    /// before it was lost does not count when it is gained again.
    Read(Vec<Message>, u64),
    /// Parked messages that are due, and a connection to tell what became of them.
    Due(Vec<Message>, Arc<Client>),
}

/// Tells the one who handles. A change that is told before some work is taken before it.
pub(super) struct Tell {
    pub(super) changes: mpsc::UnboundedSender<Change>,
    pub(super) work: mpsc::Sender<Work>,
    /// The partitions from which nothing is read for now.
    pub(super) held: watch::Receiver<BTreeSet<Partition>>,
}

/// What the one who handles is told.
pub(super) struct Told {
    pub(super) changes: mpsc::UnboundedReceiver<Change>,
    pub(super) work: mpsc::Receiver<Work>,
    pub(super) held: watch::Sender<BTreeSet<Partition>>,
}

/// A way to tell, with room for a little work.
pub(super) fn channel() -> (Tell, Told) {
    let (tell_changes, changes) = mpsc::unbounded_channel();
    let (tell_work, work) = mpsc::channel(4);
    let (tell_held, held) = watch::channel(BTreeSet::new());
    (Tell { changes: tell_changes, work: tell_work, held }, Told { changes, work, held: tell_held })
}
