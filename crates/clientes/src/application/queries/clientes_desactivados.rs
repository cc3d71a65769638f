//! The deactivated clientes, newest first, one page at a time.

use super::ClienteView;
use crate::application::ClientesFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the deactivated clientes, newest first by registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientesDesactivados {
    pub page: PageRequest,
}

impl Query for ClientesDesactivados {
    const NAME: &'static str = "clientes-desactivados";
    type Output = Page<ClienteView>;
    type Error = ClientesFault;
}
