//! What a connection hears on the channel that it listens to.

use crate::infrastructure::supervise;
use std::{future::poll_fn, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};
use tokio_postgres::{AsyncMessage, Connection};

/// Hears notifications; several that come before they are waited for are one.
pub struct Listener(Arc<Notify>);

impl Listener {
    /// Runs a connection to its end and hears its notifications.
    pub(super) fn drive<S, T>(mut connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(Notify::new());
        let tell = Arc::clone(&heard);
        supervise::drive(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    tell.notify_one();
                }
            }
        });
        Self(heard)
    }

    /// Waits for a notification.
    pub async fn heard(&mut self) {
        self.0.notified().await;
    }
}
