//! The reads and writes that the use cases of this context need of a unit of work.

use super::{ClientesFault, projections::Reserva};
use crate::domain::{
    cliente::{Cliente, ClienteId},
    expediente::Expediente,
};
use seedwork::application::{Load, Project, Save, UnitOfWork};

/// The clientes, as a unit of work sees them.
pub trait Clientes: Load<Cliente> {
    /// Returns the cliente with this id, or [`ClientesFault::NoExiste`].
    fn cliente(&mut self, id: ClienteId) -> impl Future<Output = Result<Cliente, ClientesFault>> + Send {
        async move { self.load(id).await?.ok_or(ClientesFault::NoExiste(id)) }
    }
}

impl<U: Load<Cliente>> Clientes for U {}

/// The expedientes, as a unit of work sees them.
pub trait Expedientes: Load<Expediente> {
    /// Returns the expediente of this cliente, or [`ClientesFault::SinExpediente`].
    fn expediente(&mut self, cliente: ClienteId) -> impl Future<Output = Result<Expediente, ClientesFault>> + Send {
        async move { self.load(cliente).await?.ok_or(ClientesFault::SinExpediente(cliente)) }
    }
}

impl<U: Load<Expediente>> Expedientes for U {}

/// A unit of work of this context.
pub trait ClientesUow:
    UnitOfWork + Clientes + Expedientes + Save<Cliente> + Save<Expediente> + Project<Reserva>
{
}

impl<U: UnitOfWork + Clientes + Expedientes + Save<Cliente> + Save<Expediente> + Project<Reserva>> ClientesUow for U {}
