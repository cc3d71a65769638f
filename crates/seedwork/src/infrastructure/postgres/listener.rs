//! Notifications on the channel that a connection listens to.

use super::connector::Driver;
use std::{future::poll_fn, sync::Arc};
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

/// Receives notifications; several that arrive before a wait count as one.
pub struct Listener(Arc<Notify>);

impl Listener {
    /// Runs a connection to its end and receives its notifications.
    pub(super) fn drive(driver: Driver) -> Self {
        let notify = Arc::new(Notify::new());
        let sender = Arc::clone(&notify);
        driver.drive(|mut connection| async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    sender.notify_one();
                }
            }
        });
        Self(notify)
    }

    /// Waits for a notification.
    pub async fn notified(&mut self) {
        self.0.notified().await;
    }
}
