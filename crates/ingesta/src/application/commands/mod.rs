//! The commands of this context: one use case, one file.

mod alertar_ingesta;
mod crear_ingesta;
mod eliminar_ingesta;
mod finalizar_ingesta;
mod iniciar_procesamiento;
mod rechazar_ingesta;
mod revertir_ingesta;

pub use alertar_ingesta::AlertarIngesta;
pub use crear_ingesta::CrearIngesta;
pub use eliminar_ingesta::EliminarIngesta;
pub use finalizar_ingesta::FinalizarIngesta;
pub use iniciar_procesamiento::IniciarProcesamiento;
pub use rechazar_ingesta::RechazarIngesta;
pub use revertir_ingesta::RevertirIngesta;
