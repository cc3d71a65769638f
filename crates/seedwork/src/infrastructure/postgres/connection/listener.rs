//! Notifications of PostgreSQL (`LISTEN`/`NOTIFY`).

use super::connector::Driver;
use std::{future::poll_fn, sync::Arc};
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

/// Receives the notifications of a channel. Several that arrive before the next wait count as one.
pub struct Listener(Arc<Notify>);

impl Listener {
    /// Drives a connection to its end and receives its notifications.
    pub(super) fn drive(driver: Driver) -> Self {
        let received = Arc::new(Notify::new());
        let notify = Arc::clone(&received);
        driver.drive(|mut connection| async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    notify.notify_one();
                }
            }
        });
        Self(received)
    }

    /// Waits for a notification.
    pub async fn notified(&mut self) {
        self.0.notified().await;
    }
}
