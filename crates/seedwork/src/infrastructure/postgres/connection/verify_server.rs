//! Verifies that a server keeps the promises that the program rests on.

use crate::infrastructure::postgres::Database;
use anyhow::{Context as _, bail};
use tokio_postgres::Client;

/// Refuses a server on which a commit would not be durable, or whose sessions are shared with others.
///
/// # Errors
///
/// The error names the setting that is wrong and the remedy, or the server does not answer.
pub async fn verify_server(url: &str) -> anyhow::Result<()> {
    let database = Database::new(url, "")?;
    let one = database.administrator().await.context("cannot connect to PostgreSQL")?;
    let version: i32 = one.query_one("SELECT current_setting('server_version_num')::int4", &[]).await?.get(0);
    if version < 150_000 {
        bail!("PostgreSQL 15 or later is needed, this is {}", version / 10_000);
    }
    let fsync: String = one.query_one("SELECT current_setting('fsync')", &[]).await?.get(0);
    if fsync != "on" {
        bail!("PostgreSQL runs with fsync = {fsync}: what it commits is not durable. Set fsync = on");
    }
    let encoding: String = one.query_one("SELECT current_setting('server_encoding')", &[]).await?.get(0);
    if encoding != "UTF8" {
        bail!("the database has the encoding {encoding}: create it WITH ENCODING 'UTF8' TEMPLATE template0");
    }
    // A proxy that pools transactions gives the second connection the backend that the first one just used, or gives
    // the first one another. Settings, prepared statements and locks would move between clients.
    let before = backend(&one).await?;
    let two = database.administrator().await?;
    two.batch_execute("BEGIN").await?;
    let other = backend(&two).await?;
    let after = backend(&one).await?;
    two.batch_execute("ROLLBACK").await?;
    if other == before || after != before {
        bail!(
            "PostgreSQL is behind a proxy that pools transactions: connect directly, or to a pool of sessions \
             (pool_mode = session)"
        );
    }
    Ok(())
}

/// Returns the process id of the backend that serves a connection now. The query is not prepared: such a proxy may not
/// support prepared statements.
async fn backend(client: &Client) -> anyhow::Result<String> {
    let answer = client.simple_query("SELECT pg_backend_pid()").await?;
    let pid = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    pid.context("PostgreSQL returned no backend process id for a connection")
}
