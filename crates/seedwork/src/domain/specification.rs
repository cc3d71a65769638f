//! Sets of aggregates, by what their members have in common.

use super::Aggregate;

/// What the members of a set of aggregates have in common: `PendientesDe(cliente)`.
pub trait Specification: Send + Sync + 'static {
    /// What the members are.
    type Of: Aggregate;

    /// Whether an aggregate, as it is now, is a member.
    fn is_satisfied_by(&self, aggregate: &Self::Of) -> bool;
}
