//! The states of an ingesta, and the transitions between them.

seedwork::choice! {
    /// The states of an ingesta.
    pub enum Estado as EstadoDeIngesta {
        /// Handed in.
        Creada,
        /// Being worked on.
        Pendiente,
        /// In need of attention.
        Alertada,
        /// Refused.
        Rechazada,
        /// Done.
        Finalizada,
        /// Taken back, because something it needed failed elsewhere.
        Fallida,
        /// Deleted.
        Eliminada,
    }
    /// Not the name of a state.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los que tiene una ingesta";
}

seedwork::transitions! {
    Estado {
        Creada: [],
        Pendiente: [Creada, Alertada],
        Alertada: [Creada, Pendiente],
        Rechazada: [Creada, Pendiente, Alertada],
        Finalizada: [Pendiente, Alertada],
        Fallida: [Creada, Pendiente, Alertada],
        Eliminada: [Creada, Pendiente, Alertada, Rechazada, Finalizada, Fallida],
    }
    /// A change of state that the table does not have.
    pub struct TransicionInvalida: "transicion-invalida", "Una ingesta no puede pasar de {from} a {to}";
}

#[cfg(test)]
mod tests {
    use super::*;

    const SI: bool = true;
    const NO: bool = false;

    #[rustfmt::skip]
    const TRANSICIONES: [(Estado, [bool; 7]); 7] = [
        // from \ to           Creada Pendiente Alertada Rechazada Finalizada Fallida Eliminada
        (Estado::Creada,     [ NO,    SI,       SI,      SI,       NO,        SI,     SI ]),
        (Estado::Pendiente,  [ NO,    NO,       SI,      SI,       SI,        SI,     SI ]),
        (Estado::Alertada,   [ NO,    SI,       NO,      SI,       SI,        SI,     SI ]),
        (Estado::Rechazada,  [ NO,    NO,       NO,      NO,       NO,        NO,     SI ]),
        (Estado::Finalizada, [ NO,    NO,       NO,      NO,       NO,        NO,     SI ]),
        (Estado::Fallida,    [ NO,    NO,       NO,      NO,       NO,        NO,     SI ]),
        (Estado::Eliminada,  [ NO,    NO,       NO,      NO,       NO,        NO,     NO ]),
    ];

    #[test]
    fn the_transitions_are_those_of_the_business() {
        for (de, fila) in TRANSICIONES {
            for (a, esperado) in Estado::ALL.into_iter().zip(fila) {
                assert_eq!(de.can_change_to(a), esperado, "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_state_is_known_by_its_name_and_by_nothing_else() {
        for estado in Estado::ALL {
            assert_eq!(estado.as_str().parse(), Ok(estado));
        }
        for texto in ["", "creada", "CREADA", " Creada", "Perdida"] {
            assert_eq!(texto.parse::<Estado>(), Err(EstadoInvalido), "{texto:?}");
        }
    }
}
