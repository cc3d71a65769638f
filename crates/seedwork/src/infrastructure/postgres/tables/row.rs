//! Tables and their rows, as the statements need them that write many rows at once.

use crate::application::PageCursor;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use std::hash::Hash;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

pub use seedwork_derive::Row;

/// One parameter of a statement: a column's values, one for each row.
pub type Param<'a> = Box<dyn ToSql + Send + Sync + 'a>;

/// The description of a table for the statements that write it.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns in order, each with the SQL type of an array of its values.
    pub columns: &'static [(&'static str, &'static str)],
    /// The role of its rows.
    pub role: RowRole,
    /// The columns that identify a row. Of a part: the column that holds the root's id.
    pub key: &'static [&'static str],
    /// The column that orders the versions of a row. A part has none.
    pub order: &'static str,
}

/// The role of a table's rows, in the order in which tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowRole {
    /// One row for each aggregate, with `id` and `version`. It is inserted once, and updated if it has the expected
    /// version.
    Root,
    /// Rows that belong to a root. They are replaced together.
    Part,
    /// A read model. Of each key the row with the highest order is kept.
    Projection,
}

/// A row of a table. Derive it beside diesel's own derives.
pub trait Row: Send + Sync + Sized + 'static {
    /// The table.
    const TABLE: &'static Table;

    /// Converts rows to columns: one parameter for each column of [`Row::TABLE`], in order.
    fn columns<'a>(rows: &[&'a Self]) -> Vec<Param<'a>>;

    /// The size of its values in bytes.
    fn bytes(&self) -> usize;
}

/// The row of an aggregate's root.
pub trait Root: Row {
    /// The aggregate's id.
    fn id(&self) -> Uuid;
    /// The aggregate's version.
    fn version(&self) -> i32;
}

/// A row that appears in lists. `#[row(listed_by = fecha_creacion)]` implements it for a root, and adds
/// `newest_first(page)`, which selects one page of the table. A query adds its filters to that.
pub trait ListedRow: Root {
    /// The row's place in lists, by time of creation.
    fn cursor(&self) -> PageCursor;
}

/// A row that belongs to an aggregate's root.
pub trait Part: Row {
    /// The root's id.
    fn parent(&self) -> Uuid;

    /// Returns the rows of these roots, in any order.
    fn by_parents(ids: &[Uuid], db: &mut AsyncPgConnection) -> impl Future<Output = QueryResult<Vec<Self>>> + Send;
}

/// A row of a read model.
pub trait Projection: Row {
    /// The type of the key.
    type Key: Eq + Hash;
    /// The key that identifies the row.
    fn key(&self) -> Self::Key;
    /// The version of the row: a higher one replaces a lower one.
    fn order(&self) -> i64;
}

/// A type that a column can have.
///
/// SQL arrays are refused, because `unnest` flattens them.
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
    /// The SQL type of an array of its values.
    const ARRAY: &'static str;

    /// The size of a value in bytes.
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
