//! What can be asked of an ingesta: one use case, one file.

mod alertar_ingesta;
mod crear_ingesta;
mod eliminar_ingesta;
mod finalizar_ingesta;
mod iniciar_procesamiento;
mod rechazar_ingesta;
mod revertir_ingesta;

pub use alertar_ingesta::AlertarIngesta; // raises an alert
pub use crear_ingesta::CrearIngesta; // takes an image in
pub use eliminar_ingesta::EliminarIngesta; // deletes it; it stays readable
pub use finalizar_ingesta::FinalizarIngesta; // ends the work well
pub use iniciar_procesamiento::IniciarProcesamiento; // starts the work, or goes on after an alert
pub use rechazar_ingesta::RechazarIngesta; // refuses the image
pub use revertir_ingesta::RevertirIngesta; // the compensation
