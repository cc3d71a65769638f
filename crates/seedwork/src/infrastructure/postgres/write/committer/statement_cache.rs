//! The prepared statements of a session that write tables.

use crate::infrastructure::postgres::tables::{
    changes::Call,
    row::Table,
    statements::{Purpose, sql},
};
use std::collections::HashMap;
use tokio_postgres::{Client, Error, Statement};

/// Prepared statements by table and purpose.
#[derive(Default)]
pub(super) struct StatementCache(HashMap<(&'static str, Purpose), Statement>);

impl StatementCache {
    /// Prepares the statements of the calls that are not yet prepared. Call it before the transaction begins: later
    /// statements would overtake one that is still being prepared.
    pub(super) async fn prepare(&mut self, client: &Client, calls: &[Call<'_>]) -> Result<(), Error> {
        for Call { table, purpose, .. } in calls {
            self.prepare_one(client, table, *purpose).await?;
            if *purpose == Purpose::Insert || *purpose == Purpose::Update {
                self.prepare_one(client, table, Purpose::UnwrittenRoots).await?;
            }
        }
        Ok(())
    }

    async fn prepare_one(&mut self, client: &Client, table: &Table, purpose: Purpose) -> Result<(), Error> {
        if self.get(table, purpose).is_none() {
            let statement = client.prepare(&sql(table, purpose)).await?;
            self.0.insert((table.name, purpose), statement);
        }
        Ok(())
    }

    pub(super) fn get(&self, table: &Table, purpose: Purpose) -> Option<&Statement> {
        self.0.get(&(table.name, purpose))
    }
}
