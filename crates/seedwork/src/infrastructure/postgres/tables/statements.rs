//! The SQL that writes many rows of a table at once. There is one prepared statement for each table and purpose; its
//! parameters are arrays.

use super::row::Table;
use std::fmt::Write;

/// The effect of a statement on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Inserts roots. Those that violate a unique constraint are left out; the count shows that.
    Insert,
    /// Inserts rows. A violation of a unique constraint is an error that names it.
    InsertOrFail,
    /// Replaces roots that have the expected version.
    Update,
    /// Deletes the parts of the given roots.
    RemoveParts,
    /// Inserts or replaces rows of a read model, unless the existing row is as new.
    Upsert,
    /// Selects, of the given ids, those whose rows this transaction did not write.
    UnwrittenRoots,
}

/// Returns the statement's text.
pub(crate) fn sql(table: &Table, purpose: Purpose) -> String {
    let name = table.name;
    let columns = list(table.columns.iter().map(|(column, _)| *column));
    let arrays = list(table.columns.iter().enumerate().map(|(n, (_, array))| format!("${}::{array}", n + 1)));
    let key = list(table.key);
    let insert = format!("INSERT INTO {name} ({columns}) SELECT * FROM unnest({arrays})");
    match purpose {
        Purpose::Insert => format!("{insert} ON CONFLICT DO NOTHING"),
        Purpose::InsertOrFail => insert,
        Purpose::Update => {
            let set = list(table.columns.iter().map(|(column, _)| format!("{column} = r.{column}")));
            let expected = table.columns.len() + 1;
            format!(
                "UPDATE {name} t SET {set} FROM unnest({arrays}, ${expected}::int4[]) AS r ({columns}, expected) \
                 WHERE t.id = r.id AND t.version = r.expected"
            )
        }
        Purpose::RemoveParts => format!("DELETE FROM {name} WHERE {key} = ANY($1::uuid[])"),
        Purpose::Upsert => {
            let set = list(table.columns.iter().map(|(column, _)| format!("{column} = excluded.{column}")));
            let order = table.order;
            format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {set} WHERE {name}.{order} < excluded.{order}")
        }
        // Rows that this transaction wrote outside a savepoint have its id as `xmin`.
        Purpose::UnwrittenRoots => format!(
            "SELECT r.id FROM unnest($1::uuid[]) AS r (id) WHERE NOT EXISTS \
             (SELECT FROM {name} t WHERE t.id = r.id AND t.xmin = pg_current_xact_id()::xid)"
        ),
    }
}

fn list<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut list = String::new();
    for item in items {
        let comma = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{comma}{item}");
    }
    list
}
