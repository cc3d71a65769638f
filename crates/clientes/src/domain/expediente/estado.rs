//! The states of an expediente.

seedwork::choice! {
    /// The states of an expediente.
    pub enum Estado as EstadoDeExpediente {
        /// Its cliente is served.
        Abierto,
        /// Its cliente is deactivated.
        Cerrado,
    }
    /// Not the name of a state.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los que tiene un expediente";
}

seedwork::transitions! {
    Estado {
        Abierto: [],
        Cerrado: [Abierto],
    }
    /// A change of state that the table does not have.
    pub struct TransicionInvalida: "transicion-invalida", "Un expediente no puede pasar de {from} a {to}";
}
