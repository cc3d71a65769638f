//! Changes of units of work to tables. The changes of many units become a few statements.

use super::{
    row::{Param, Part, Projection, Root, Table},
    statements::Purpose,
};
use std::{any::Any, collections::HashMap};
use uuid::Uuid;

/// The change of one unit of work to one table.
pub struct Change(Box<dyn ErasedChange>);

impl Change {
    /// Inserts the root of a new aggregate (`expected` 0), or replaces the one that was loaded at version `expected`.
    pub fn root<R: Root>(row: R, expected: i32) -> Self {
        Self(Box::new(RootChange { row, expected }))
    }

    /// Replaces the parts of a root. Those of a new aggregate (`expected` 0) replace nothing.
    pub fn parts<P: Part>(root: Uuid, parts: Vec<P>, expected: i32) -> Self {
        Self(Box::new(PartsChange { root, parts, replace: expected > 0 }))
    }

    /// Writes a row of a read model, unless the table has a row of the same key that is as new.
    pub fn projection<P: Projection>(row: P) -> Self {
        Self(Box::new(ProjectionChange { row }))
    }

    /// The table.
    pub(crate) fn table(&self) -> &'static Table {
        self.0.table()
    }

    /// The root, which no other unit of the same group may change.
    pub(crate) fn root_id(&self) -> Option<Uuid> {
        self.0.root_id()
    }

    /// The number of rows that it writes.
    pub(crate) fn rows(&self) -> usize {
        self.0.rows()
    }

    /// The number of bytes that its rows hold.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// One execution of a statement.
pub(crate) struct Call<'a> {
    pub(crate) table: &'static Table,
    pub(crate) purpose: Purpose,
    pub(crate) params: Vec<Param<'a>>,
    /// The roots that it must write. If it writes fewer, a unit is to blame.
    pub(crate) roots: Vec<Uuid>,
}

/// Returns the calls for all these changes, in the order in which they must run. With `or_fail`, a collision is an
/// error that names its constraint; without, the row is left out.
pub(crate) fn calls<'a>(changes: impl Iterator<Item = &'a Change>, or_fail: bool) -> Vec<Call<'a>> {
    let mut tables: Vec<(&'static Table, Vec<&'a dyn ErasedChange>)> = Vec::new();
    for change in changes {
        let table = change.table();
        match tables.iter_mut().find(|(known, _)| std::ptr::eq(*known, table)) {
            Some((_, changes)) => changes.push(&*change.0),
            None => tables.push((table, vec![&*change.0])),
        }
    }
    tables.sort_by_key(|(table, _)| (table.role, table.name));
    let mut calls = Vec::new();
    for (_, changes) in &tables {
        if let Some(first) = changes.first() {
            first.calls(changes, or_fail, &mut calls);
        }
    }
    calls
}

/// A change with the type of its rows erased.
trait ErasedChange: Any + Send + Sync {
    fn table(&self) -> &'static Table;
    fn root_id(&self) -> Option<Uuid>;
    fn rows(&self) -> usize;
    fn bytes(&self) -> usize;
    /// Adds the calls for `changes`, which all have the type of `self`.
    fn calls<'a>(&self, changes: &[&'a dyn ErasedChange], or_fail: bool, calls: &mut Vec<Call<'a>>);
}

/// Downcasts the changes of one table to their type.
fn typed<'a, T: ErasedChange>(changes: &[&'a dyn ErasedChange]) -> impl Iterator<Item = &'a T> {
    changes.iter().filter_map(|change| {
        let any: &'a dyn Any = *change;
        any.downcast_ref::<T>()
    })
}

struct RootChange<R> {
    row: R,
    expected: i32,
}

impl<R: Root> ErasedChange for RootChange<R> {
    fn table(&self) -> &'static Table {
        R::TABLE
    }

    fn root_id(&self) -> Option<Uuid> {
        Some(self.row.id())
    }

    fn rows(&self) -> usize {
        1
    }

    fn bytes(&self) -> usize {
        self.row.bytes()
    }

    fn calls<'a>(&self, changes: &[&'a dyn ErasedChange], or_fail: bool, calls: &mut Vec<Call<'a>>) {
        let (new, known): (Vec<_>, Vec<_>) = typed::<Self>(changes).partition(|change| change.expected == 0);
        let rows = |changes: &[&'a Self]| changes.iter().map(|change| &change.row).collect::<Vec<_>>();
        let roots = |changes: &[&'a Self]| changes.iter().map(|change| change.row.id()).collect();
        if !new.is_empty() {
            let purpose = if or_fail { Purpose::InsertOrFail } else { Purpose::Insert };
            calls.push(Call { table: R::TABLE, purpose, params: R::columns(&rows(&new)), roots: roots(&new) });
        }
        if !known.is_empty() {
            let mut params = R::columns(&rows(&known));
            params.push(Box::new(known.iter().map(|change| change.expected).collect::<Vec<_>>()));
            calls.push(Call { table: R::TABLE, purpose: Purpose::Update, params, roots: roots(&known) });
        }
    }
}

struct PartsChange<P> {
    root: Uuid,
    parts: Vec<P>,
    replace: bool,
}

impl<P: Part> ErasedChange for PartsChange<P> {
    fn table(&self) -> &'static Table {
        P::TABLE
    }

    fn root_id(&self) -> Option<Uuid> {
        Some(self.root)
    }

    fn rows(&self) -> usize {
        self.parts.len()
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(P::bytes).sum()
    }

    fn calls<'a>(&self, changes: &[&'a dyn ErasedChange], _: bool, calls: &mut Vec<Call<'a>>) {
        let mut call = |purpose, params| calls.push(Call { table: P::TABLE, purpose, params, roots: Vec::new() });
        let replaced: Vec<Uuid> =
            typed::<Self>(changes).filter(|change| change.replace).map(|change| change.root).collect();
        if !replaced.is_empty() {
            call(Purpose::RemoveParts, vec![Box::new(replaced)]);
        }
        let rows: Vec<&P> = typed::<Self>(changes).flat_map(|change| &change.parts).collect();
        if !rows.is_empty() {
            call(Purpose::InsertOrFail, P::columns(&rows));
        }
    }
}

struct ProjectionChange<P> {
    row: P,
}

impl<P: Projection> ErasedChange for ProjectionChange<P> {
    fn table(&self) -> &'static Table {
        P::TABLE
    }

    fn root_id(&self) -> Option<Uuid> {
        None
    }

    fn rows(&self) -> usize {
        1
    }

    fn bytes(&self) -> usize {
        self.row.bytes()
    }

    /// Of several rows with one key, only the newest is written: a statement may not change a row twice.
    fn calls<'a>(&self, changes: &[&'a dyn ErasedChange], _: bool, calls: &mut Vec<Call<'a>>) {
        let mut newest: HashMap<P::Key, &'a P> = HashMap::new();
        for ProjectionChange { row } in typed::<Self>(changes) {
            let known = newest.entry(row.key()).or_insert(row);
            if known.order() < row.order() {
                *known = row;
            }
        }
        let rows: Vec<&P> = newest.into_values().collect();
        calls.push(Call { table: P::TABLE, purpose: Purpose::Upsert, params: P::columns(&rows), roots: Vec::new() });
    }
}
