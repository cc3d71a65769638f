//! Notifications of commits, from processes that do not relay a context's log to the one that does.

use super::{IDLE, PAUSE, RelayState, progress::Observer};
use crate::infrastructure::{
    postgres::{Database, LogState},
    supervise::{Supervisor, jitter},
};
use std::time::Duration;
use tokio::sync::watch;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

/// The interval between two notifications of commits: each costs PostgreSQL as much as a small transaction.
const COALESCE: Duration = Duration::from_millis(5);

/// Starts to notify the process that relays a context's log of the commits of this process, which does not relay.
pub fn notify_commits(
    database: Database,
    log: watch::Receiver<LogState>,
    supervisor: &Supervisor,
) -> watch::Receiver<RelayState> {
    let (state, receiver) = watch::channel(RelayState::default());
    supervisor.spawn("notify-commits", move |stop| {
        let (database, mut log) = (database.clone(), log.clone());
        let mut observer = Observer::new(state.clone());
        async move {
            while !stop.is_cancelled() {
                let notifying = async {
                    // A lost notification is harmless, so its transaction need not wait for the disk.
                    let client = database.client("SET synchronous_commit = off").await?;
                    while !stop.is_cancelled() {
                        observer.refresh(&client, 0).await?;
                        stand_by(&client, &database, &mut log, &stop).await?;
                    }
                    anyhow::Ok(())
                };
                if let Err(error) = notifying.await {
                    observer.set_unknown();
                    tracing::warn!(error = format!("{error:#}"), "commits are not notified to the relay");
                    stop.run_until_cancelled(tokio::time::sleep(jitter(PAUSE.1))).await;
                }
            }
        }
    });
    receiver
}

/// Notifies the process that relays the log of the commits of this process. Returns when the lease may be free.
pub(super) async fn stand_by(
    client: &Client,
    database: &Database,
    log: &mut watch::Receiver<LogState>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let notify = format!("NOTIFY {}", channel(database));
    let until = tokio::time::Instant::now() + IDLE;
    loop {
        tokio::select! {
            changed = log.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep_until(until) => return Ok(()),
            () = stop.cancelled() => return Ok(()),
        }
        client.batch_execute(&notify).await?;
        // Commits during this pause share one notification.
        tokio::time::sleep(COALESCE).await;
    }
}

/// Returns the channel on which the process that relays is notified of new messages in the log.
pub(super) fn channel(database: &Database) -> String {
    format!("sta_log_{}", database.schema())
}
