//! Looks up the mark of a transaction whose COMMIT was not answered.

use super::{
    failure::{Mark, WriteFailure, group_failure},
    session::WriteSession,
};
use crate::infrastructure::postgres::write::{inbox, outbox};

/// Returns true if the transaction with this mark was committed. Under the lock, earlier transactions have ended. A
/// server in recovery is an error, because it may not have replayed the transaction yet.
pub(super) async fn find(session: &WriteSession, mark: &Mark) -> Result<bool, WriteFailure> {
    let client = session.client();
    let replays: bool = client.query_one("SELECT pg_is_in_recovery()", &[]).await.map_err(group_failure)?.get(0);
    if replays {
        return Err(WriteFailure::Down("the server is in recovery".into()));
    }
    session.begin().await.map_err(group_failure)?;
    let found = match mark {
        Mark::Message { seq, id } => client.query_opt(outbox::HAS, &[seq, id]).await,
        Mark::Claim(id) => client.query_opt(inbox::HAS, &[id]).await,
    };
    let found = found.map_err(group_failure)?.is_some();
    session.simple("ROLLBACK").await.map_err(group_failure)?;
    Ok(found)
}
