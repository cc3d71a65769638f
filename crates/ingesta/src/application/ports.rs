//! The reads and writes that the use cases of this context need of a unit of work.

use super::IngestaFault;
use crate::domain::ingesta::{Ingesta, IngestaId};
use seedwork::application::{Load, Save, UnitOfWork};

/// The ingestas, as a unit of work sees them.
pub trait Ingestas: Load<Ingesta> {
    /// Returns the ingesta with this id, or [`IngestaFault::NoExiste`].
    fn ingesta(&mut self, id: IngestaId) -> impl Future<Output = Result<Ingesta, IngestaFault>> + Send {
        async move { self.load(id).await?.ok_or(IngestaFault::NoExiste(id)) }
    }
}

impl<U: Load<Ingesta>> Ingestas for U {}

/// A unit of work of this context.
pub trait IngestaUow: UnitOfWork + Ingestas + Save<Ingesta> {}

impl<U: UnitOfWork + Ingestas + Save<Ingesta>> IngestaUow for U {}
