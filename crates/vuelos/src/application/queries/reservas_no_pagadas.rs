//! The reservas that are still to be paid, newest first, one page at a time.

use super::ReservaView;
use crate::application::VuelosFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the reservas that are neither paid nor given up, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservasNoPagadas {
    /// Which page of them.
    pub page: PageRequest,
}

impl Query for ReservasNoPagadas {
    const NAME: &'static str = "reservas-no-pagadas";
    type Output = Page<ReservaView>;
    type Error = VuelosFault;
}
