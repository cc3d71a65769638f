//! Answers [`TodasLasIngestas`] with one page of the table.

use super::PgReads;
use crate::{
    application::{
        IngestaFault,
        queries::{IngestaView, TodasLasIngestas},
    },
    domain::ingesta::Estado,
    infrastructure::tables::{IngestaRow, ingestas},
};
use diesel::{ExpressionMethods, QueryDsl};
use seedwork::application::{Page, QueryHandler};

impl QueryHandler<TodasLasIngestas> for PgReads {
    async fn handle(&self, query: TodasLasIngestas) -> Result<Page<IngestaView>, IngestaFault> {
        let TodasLasIngestas { estado, proveedor, paciente, page } = query;
        let mut rows = IngestaRow::newest_first(&page);
        rows = match estado {
            Some(estado) => rows.filter(ingestas::estado.eq(estado.as_str())),
            None => rows.filter(ingestas::estado.ne(Estado::Eliminada.as_str())),
        };
        if let Some(proveedor) = proveedor {
            rows = rows.filter(ingestas::id_proveedor.eq(proveedor.to_string()));
        }
        if let Some(paciente) = paciente {
            rows = rows.filter(ingestas::id_paciente.eq(paciente.to_string()));
        }
        Ok(self.pool.page(rows, page).await?)
    }
}
