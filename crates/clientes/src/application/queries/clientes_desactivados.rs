//! The clientes that have left, newest first, one page at a time.

use super::ClienteView;
use crate::application::ClientesFault;
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the clientes that have left, newest first by registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientesDesactivados {
    /// Which page of them.
    pub page: PageRequest,
}

impl Query for ClientesDesactivados {
    const NAME: &'static str = "clientes-desactivados";
    type Output = Page<ClienteView>;
    type Error = ClientesFault;
}
