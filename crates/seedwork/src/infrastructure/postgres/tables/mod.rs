//! Tables, rows and changes: the mapping that contexts implement, and the SQL that writes many rows at once.

pub(super) mod aggregate_rows;
pub(super) mod changes;
pub(super) mod mapping;
pub(super) mod row;
pub(super) mod statements;
