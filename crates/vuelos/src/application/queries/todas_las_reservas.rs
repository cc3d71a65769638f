//! The reservas, newest first, one page at a time.

use super::ReservaView;
use crate::{
    application::VuelosFault,
    domain::reserva::{ClienteId, Estado},
};
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the reservas that fit, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodasLasReservas {
    /// Only those in this state.
    pub estado: Option<Estado>,
    /// Only those of this cliente.
    pub cliente: Option<ClienteId>,
    /// Which page of them.
    pub page: PageRequest,
}

impl Query for TodasLasReservas {
    const NAME: &'static str = "todas-las-reservas";
    type Output = Page<ReservaView>;
    type Error = VuelosFault;
}
