//! The channel from the tasks that read messages to the task that dispatches them to handlers.

use super::received_message::ReceivedMessage;
use crate::infrastructure::broker::Partition;
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Client;

/// Dropped when no message of a revoked partition is running any more.
pub(super) type Drained = oneshot::Sender<()>;

/// A change in the partitions that are assigned to this process. It waits for no message.
pub(super) enum AssignmentChange {
    Assigned {
        partition: Partition,
        /// The offset of the first message to read.
        position: i64,
        generation: u64,
    },
    Revoked {
        partition: Partition,
        drained: Drained,
    },
}

/// Messages to dispatch. Sending waits while the channel is full.
pub(super) enum DispatchWork {
    Read {
        /// Messages in the order of each partition.
        messages: Vec<ReceivedMessage>,
        /// The generation in which they were read. Messages of an older generation than their partition's are stale.
        generation: u64,
    },
    RetryParked {
        /// Parked messages that are due.
        messages: Vec<ReceivedMessage>,
        /// The connection on which the results are stored.
        client: Arc<Client>,
    },
}

/// The readers' end. A change that is sent before some work is also received before it.
pub(super) struct DispatchSender {
    pub(super) changes: mpsc::UnboundedSender<AssignmentChange>,
    pub(super) work: mpsc::Sender<DispatchWork>,
    /// The partitions that are paused because of a full key queue.
    pub(super) paused: watch::Receiver<BTreeSet<Partition>>,
}

/// The dispatcher's end.
pub(super) struct DispatchReceiver {
    pub(super) changes: mpsc::UnboundedReceiver<AssignmentChange>,
    pub(super) work: mpsc::Receiver<DispatchWork>,
    pub(super) paused: watch::Sender<BTreeSet<Partition>>,
}

/// Creates a channel with room for four pieces of work.
pub(super) fn channel() -> (DispatchSender, DispatchReceiver) {
    let (send_changes, changes) = mpsc::unbounded_channel();
    let (send_work, work) = mpsc::channel(4);
    let (send_paused, paused) = watch::channel(BTreeSet::new());
    let sender = DispatchSender { changes: send_changes, work: send_work, paused };
    (sender, DispatchReceiver { changes, work, paused: send_paused })
}
