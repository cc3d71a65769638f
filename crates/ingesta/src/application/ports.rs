//! What the use cases of this context need of a unit of work.

use crate::domain::ingesta::{Ingesta, IngestaId};
use seedwork::application::{CommitError, Load, Save, UnitOfWork};

/// The ingestas, as a unit of work sees them.
pub trait Ingestas: Load<Ingesta> {
    /// The ingesta with this id.
    fn ingesta(&mut self, id: IngestaId) -> impl Future<Output = Result<Option<Ingesta>, CommitError>> + Send {
        self.load(id)
    }
}

impl<U: Load<Ingesta>> Ingestas for U {}

/// A unit of work of this context.
pub trait IngestaUow: UnitOfWork + Ingestas + Save<Ingesta> {}

impl<U: UnitOfWork + Ingestas + Save<Ingesta>> IngestaUow for U {}
