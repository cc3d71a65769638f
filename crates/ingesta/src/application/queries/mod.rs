//! The queries on ingestas: each file has the question and the view that answers it. A file of the same name in
//! `infrastructure/queries` answers it. The docs of a view are texts for clients, in Spanish: `/spec` shows them.

mod ingesta_por_id;
mod todas_las_ingestas;

pub use ingesta_por_id::{EstadoDeIngesta, IngestaPorId, IngestaView};
pub use todas_las_ingestas::TodasLasIngestas;
