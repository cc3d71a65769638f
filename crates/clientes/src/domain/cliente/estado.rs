//! Whether a cliente is served.

seedwork::choice! {
    /// Whether a cliente is served. From Activo one comes to Desactivado, and there is no way back.
    pub enum Estado as EstadoDeCliente {
        /// It is.
        Activo,
        /// It has left.
        Desactivado,
    }
    /// No state has that name.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los de un cliente";
}
