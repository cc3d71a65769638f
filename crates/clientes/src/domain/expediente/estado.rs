//! Whether an expediente is open.

seedwork::choice! {
    /// Whether an expediente is open. From Abierto one comes to Cerrado, and there is no way back.
    pub enum Estado as EstadoDeExpediente {
        /// The cliente is served.
        Abierto,
        /// The cliente has left.
        Cerrado,
    }
    /// No state has that name.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los de un expediente";
}
