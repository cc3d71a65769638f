//! Rows as batches: what a table is, and how many of its rows become the parameters of one statement.

use super::changes::Change;
use crate::application::PageCursor;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use std::hash::Hash;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

pub use seedwork_derive::Row;

/// One parameter of a statement: a column's values, row after row.
pub type Param<'a> = Box<dyn ToSql + Send + Sync + 'a>;

/// A table, as the statements that write it need to know it.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns in order, each with the SQL type of an array of it.
    pub columns: &'static [(&'static str, &'static str)],
    /// What its rows are.
    pub kind: Kind,
    /// The columns that tell one row from another; of a part, the column that holds the root's id.
    pub key: &'static [&'static str],
    /// The column that tells which row is newer; a part has none.
    pub order: &'static str,
}

/// What the rows of a table are to the aggregates, in the order in which tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One row an aggregate, with `id` and `version`: inserted once, updated when the version is the expected one.
    Root,
    /// Rows that belong to a root and are replaced together.
    Part,
    /// A read model: the row with the highest order stays.
    Projection,
}

/// A row of a table. Derive it, beside diesel's own derives.
pub trait Row: Send + Sync + Sized + 'static {
    /// The table.
    const TABLE: &'static Table;

    /// Turns rows into columns: one parameter for each column of [`Row::TABLE`], in order.
    fn columns<'a>(rows: &[&'a Self]) -> Vec<Param<'a>>;

    /// The size of its values, in bytes.
    fn bytes(&self) -> usize;
}

/// The row of an aggregate's root.
pub trait Root: Row {
    /// The aggregate's id.
    fn id(&self) -> Uuid;
    /// The aggregate's version.
    fn version(&self) -> i32;
}

/// A row that stands in lists. `#[row(listed_by = fecha_creacion)]` implements it for a root, and gives the row the
/// beginning of its queries: `newest_first(page)` selects one page of the table, to which a query adds its filters.
pub trait ListedRow: Root {
    /// Where it stands, by creation.
    fn cursor(&self) -> PageCursor;
}

/// A row that belongs to an aggregate's root.
pub trait Part: Row {
    /// The root's id.
    fn parent(&self) -> Uuid;

    /// The rows that belong to these roots, in no particular order.
    fn by_parents(ids: &[Uuid], db: &mut AsyncPgConnection) -> impl Future<Output = QueryResult<Vec<Self>>> + Send;
}

/// A row of a read model.
pub trait Projection: Row {
    /// What tells one row from another.
    type Key: Eq + Hash;
    /// Which row this is.
    fn key(&self) -> Self::Key;
    /// How new it is.
    fn order(&self) -> i64;
}

/// Everything that is stored of one aggregate: its root row and the rows that belong to it.
///
/// `#[derive(Row)]` implements it for an aggregate of a single row.
pub trait AggregateRows: Clone + Send + Sync + 'static {
    /// The root's row.
    type Root: Root;

    /// The root's row.
    fn root(&self) -> &Self::Root;

    /// What is written when an aggregate that was loaded at version `expected` (0: a new one) is saved.
    fn changes(self, expected: i32) -> Vec<Change>;

    /// The records of these ids that exist, in no particular order.
    fn by_ids(ids: Vec<Uuid>, db: &mut AsyncPgConnection) -> impl Future<Output = QueryResult<Vec<Self>>> + Send;
}

/// A type of a column.
///
/// There is none for SQL arrays: `unnest` would flatten them.
///
/// ```compile_fail
/// # use seedwork::infrastructure::postgres::Column;
/// let refused = <Vec<String> as Column>::ARRAY;
/// ```
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be written in batches",
    note = "SQL arrays are refused, because `unnest` flattens them: use rows of their own (`#[row(part_of = …)]`)"
)]
pub trait Column {
    /// The SQL type of an array of it.
    const ARRAY: &'static str;

    /// The size of a value, in bytes.
    fn bytes(&self) -> usize {
        size_of_val(self)
    }
}

macro_rules! columns {
    ($($rust:ty => $array:literal),* $(,)?) => { $(impl Column for $rust { const ARRAY: &'static str = $array; })* };
}

columns! {
    bool => "bool[]",
    i16 => "int2[]",
    i32 => "int4[]",
    i64 => "int8[]",
    f64 => "float8[]",
    Uuid => "uuid[]",
    DateTime<Utc> => "timestamptz[]",
    NaiveDate => "date[]",
}

impl Column for String {
    const ARRAY: &'static str = "text[]";

    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Column for Vec<u8> {
    const ARRAY: &'static str = "bytea[]";

    fn bytes(&self) -> usize {
        self.len()
    }
}

impl<T: Column> Column for Option<T> {
    const ARRAY: &'static str = T::ARRAY;

    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, T::bytes)
    }
}
