//! The states of a cliente.

seedwork::choice! {
    /// The states of a cliente.
    pub enum Estado as EstadoDeCliente {
        /// Served by STA.
        Activo,
        /// No longer served.
        Desactivado,
    }
    /// Not the name of a state.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los que tiene un cliente";
}

seedwork::transitions! {
    Estado {
        Activo: [],
        Desactivado: [Activo],
    }
    /// A change of state that the table does not have.
    pub struct TransicionInvalida: "transicion-invalida", "Un cliente no puede pasar de {from} a {to}";
}
