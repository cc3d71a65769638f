//! Watches the number of connections of the whole server, and logs a warning when it is near the limit.

use super::{connector::describe, database::Database};
use crate::infrastructure::supervise::Supervisor;
use std::time::Duration;
use tokio_postgres::Error;

/// The interval between two counts.
const INTERVAL: Duration = Duration::from_secs(60);
/// The share of the server's limit, in percent, from which on a warning is logged.
const NEAR: i64 = 80;

/// Selects the number of connections and the limit. Reserved connections do not count towards the limit, because this
/// program cannot use them. A role without rights on `pg_stat_activity` still sees a row for each connection.
const USAGE: &str = "\
    SELECT count(*), current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8 \
    - coalesce(current_setting('reserved_connections', true)::int8, 0) FROM pg_stat_activity \
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'";

/// The number of connections of a server, and its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    used: i64,
    limit: i64,
}

impl Usage {
    async fn of(database: &Database) -> Result<Self, Error> {
        let row = database.client("").await?.query_one(USAGE, &[]).await?;
        Ok(Self { used: row.try_get(0)?, limit: row.try_get(1)? })
    }

    fn is_near(self) -> bool {
        self.used.saturating_mul(100) >= self.limit.saturating_mul(NEAR)
    }
}

/// Watches the server of a database, once a minute.
pub fn watch_connection_usage(database: Database, supervisor: &Supervisor) {
    supervisor.spawn("connection watch", move |stop| {
        let database = database.clone();
        async move {
            loop {
                match Usage::of(&database).await {
                    Ok(usage) if usage.is_near() => tracing::warn!(
                        used = usage.used,
                        max_connections = usage.limit,
                        "PostgreSQL is near its limit of connections: raise max_connections, or set \
                         STA_DATABASE_CONNECTIONS for each process"
                    ),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = describe(&error), "the server's connections cannot be counted")
                    }
                }
                if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
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
    fn a_server_is_near_its_limit_from_eighty_percent_on() {
        let is_near = |used| Usage { used, limit: 97 }.is_near();
        assert!(!is_near(77) && is_near(78) && is_near(97));
    }

    #[cfg(feature = "testing-postgres")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_role_without_rights_counts_every_connection() {
        let database = crate::testing::TestDatabase::create(vec![]).await.unwrap();
        let own = database.context("broker").unwrap();
        let other = own.administrator().await.unwrap();
        let usage = Usage::of(&own).await.unwrap();
        assert!(usage.used >= 2 && usage.limit > usage.used, "{usage:?}");
        drop(other);
    }
}
