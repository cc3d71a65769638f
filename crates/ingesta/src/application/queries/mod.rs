//! What can be asked about ingestas: the question and the view that answers it. The tables answer, in
//! `infrastructure`.

mod ingesta_por_id;
mod todas_las_ingestas;

pub use ingesta_por_id::{IngestaPorId, IngestaView};
pub use todas_las_ingestas::TodasLasIngestas;
