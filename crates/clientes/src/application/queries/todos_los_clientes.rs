//! The clientes, newest first, one page at a time.

use super::ClienteView;
use crate::application::ClientesFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for all clientes, newest first by registration; those that have left are among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodosLosClientes {
    /// Which page of them.
    pub page: PageRequest,
}

impl Query for TodosLosClientes {
    const NAME: &'static str = "todos-los-clientes";
    type Output = Page<ClienteView>;
    type Error = ClientesFault;
}
