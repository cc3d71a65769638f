//! The clientes, newest first, one page at a time.

use super::ClienteView;
use crate::application::ClientesFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for all clientes, active or not, newest first by registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodosLosClientes {
    pub page: PageRequest,
}

impl Query for TodosLosClientes {
    const NAME: &'static str = "todos-los-clientes";
    type Output = Page<ClienteView>;
    type Error = ClientesFault;
}
