//! Specifications: conditions on aggregates in the language of the business.

use super::Aggregate;

/// A condition that selects aggregates: `PendientesDe(cliente)`.
pub trait Specification: Send + Sync + 'static {
    /// The aggregates that it selects.
    type Of: Aggregate;

    /// Returns true if the aggregate, as it is now, satisfies it.
    fn is_satisfied_by(&self, aggregate: &Self::Of) -> bool;
}
