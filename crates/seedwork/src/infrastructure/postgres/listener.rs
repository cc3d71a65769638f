//! What a connection hears on the channel that it listens to.

use super::connector::Driver;
use std::{future::poll_fn, sync::Arc};
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

/// Hears notifications; several that come before they are waited for are one.
pub struct Listener(Arc<Notify>);

impl Listener {
    /// Runs a connection to its end and hears its notifications.
    pub(super) fn drive(driver: Driver) -> Self {
        let consumed = Arc::new(Notify::new());
        let tell = Arc::clone(&consumed);
        driver.drive(|mut connection| async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    tell.notify_one();
                }
            }
        });
        Self(consumed)
    }

    /// Waits for a notification.
    pub async fn notified(&mut self) {
        self.0.notified().await;
    }
}
