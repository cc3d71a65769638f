//! The states of a reserva, and the transitions between them.

seedwork::choice! {
    /// The states of a reserva.
    pub enum Estado as EstadoDeReserva {
        /// Asked for.
        Pendiente,
        /// Accepted.
        Aprobada,
        /// Paid.
        Pagada,
        /// Cancelled.
        Cancelada,
    }
    /// Not the name of a state.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los que tiene una reserva";
}

seedwork::transitions! {
    Estado {
        Pendiente: [],
        Aprobada: [Pendiente],
        Pagada: [Aprobada],
        Cancelada: [Pendiente, Aprobada],
    }
    /// A change of state that the table does not have.
    pub struct TransicionInvalida: "transicion-invalida", "Una reserva no puede pasar de {from} a {to}";
}

#[cfg(test)]
mod tests {
    use super::*;

    const SI: bool = true;
    const NO: bool = false;

    #[rustfmt::skip]
    const TRANSICIONES: [(Estado, [bool; 4]); 4] = [
        // from \ to          Pendiente Aprobada Pagada Cancelada
        (Estado::Pendiente, [ NO,       SI,      NO,    SI ]),
        (Estado::Aprobada,  [ NO,       NO,      SI,    SI ]),
        (Estado::Pagada,    [ NO,       NO,      NO,    NO ]),
        (Estado::Cancelada, [ NO,       NO,      NO,    NO ]),
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
        for texto in ["", "pendiente", "PENDIENTE", " Pendiente", "Perdida"] {
            assert_eq!(texto.parse::<Estado>(), Err(EstadoInvalido), "{texto:?}");
        }
    }
}
