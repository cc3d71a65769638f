//! What can become of a reserva, and from where to where it may go.

seedwork::choice! {
    /// What became of a reserva so far.
    pub enum Estado as EstadoDeReserva {
        /// Asked for.
        Pendiente,
        /// Accepted.
        Aprobada,
        /// Paid.
        Pagada,
        /// Given up.
        Cancelada,
    }
    /// No state has that name.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los de una reserva";
}

impl Estado {
    /// Whether a reserva in this state may go to `a`.
    pub fn puede_pasar_a(self, a: Self) -> bool {
        a.desde().contains(&self)
    }

    /// The table of transitions: from which states one comes here.
    fn desde(self) -> &'static [Self] {
        use Estado::{Aprobada, Cancelada, Pagada, Pendiente};
        match self {
            Pendiente => &[],
            Aprobada => &[Pendiente],
            Pagada => &[Aprobada],
            Cancelada => &[Pendiente, Aprobada],
        }
    }
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
                assert_eq!(de.puede_pasar_a(a), esperado, "{de} -> {a}");
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
