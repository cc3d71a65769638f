//! The reservas that wait for payment, newest first, one page at a time.

use super::ReservaView;
use crate::application::VuelosFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the reservas in state Pendiente or Aprobada, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservasNoPagadas {
    pub page: PageRequest,
}

impl Query for ReservasNoPagadas {
    const NAME: &'static str = "reservas-no-pagadas";
    type Output = Page<ReservaView>;
    type Error = VuelosFault;
}
