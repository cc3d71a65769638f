//! The reservas, newest first, one page at a time.

use super::ReservaView;
use crate::{
    application::VuelosFault,
    domain::reserva::{ClienteId, Estado},
};
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the reservas that match, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodasLasReservas {
    pub estado: Option<Estado>,
    pub cliente: Option<ClienteId>,
    pub page: PageRequest,
}

impl Query for TodasLasReservas {
    const NAME: &'static str = "todas-las-reservas";
    type Output = Page<ReservaView>;
    type Error = VuelosFault;
}
