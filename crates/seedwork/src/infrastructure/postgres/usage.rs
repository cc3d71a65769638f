//! Watches the connections of the whole server, and logs a warning when they are near its limit.

use super::{connector::describe, database::Database};
use crate::infrastructure::supervise::Supervisor;
use std::time::Duration;
use tokio_postgres::Error;

/// The interval between two counts.
const LOOK: Duration = Duration::from_secs(60);
/// The share of the server's limit, in percent, from which on a warning is logged.
const NEAR: i64 = 80;

/// Counts the connections and the limit, without reserved connections, which this program cannot use. A user who may
/// not see what others do still sees that they are connected.
const USAGE: &str = "\
    SELECT count(*), current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8 \
    - coalesce(current_setting('reserved_connections', true)::int8, 0) FROM pg_stat_activity \
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'";

/// The number of connections of a server, and the most that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    used: i64,
    most: i64,
}

impl Usage {
    async fn of(database: &Database) -> Result<Self, Error> {
        let row = database.client("").await?.query_one(USAGE, &[]).await?;
        Ok(Self { used: row.try_get(0)?, most: row.try_get(1)? })
    }

    fn is_near(self) -> bool {
        self.used.saturating_mul(100) >= self.most.saturating_mul(NEAR)
    }
}

/// Watches the server of a database: at once, and then once a minute.
pub fn watch_connection_usage(database: Database, supervisor: &Supervisor) {
    supervisor.spawn("connection watch", move |stop| {
        let database = database.clone();
        async move {
            loop {
                match Usage::of(&database).await {
                    Ok(usage) if usage.is_near() => tracing::warn!(
                        used = usage.used,
                        max_connections = usage.most,
                        "PostgreSQL is near its limit of connections: raise max_connections, or set \
                         STA_DATABASE_CONNECTIONS for each process"
                    ),
                    Ok(_) => {}
                    Err(error) => tracing::debug!(error = describe(&error), "connections are not counted"),
                }
                if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                    break;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_eight_tenths_on_a_server_is_near_its_limit() {
        let is_near = |used| Usage { used, most: 97 }.is_near();
        assert!(!is_near(77) && is_near(78) && is_near(97));
    }

    #[cfg(feature = "testing-postgres")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_role_without_rights_counts_every_connection() {
        let database = crate::testing::TestDatabase::create(vec![]).await.unwrap();
        let own = database.context("broker").unwrap();
        let other = own.administrator().await.unwrap();
        let usage = Usage::of(&own).await.unwrap();
        assert!(usage.used >= 2 && usage.most > usage.used, "{usage:?}");
        drop(other);
    }
}
