//! What can become of an ingesta, and from where to where it may go.

seedwork::choice! {
    /// What became of an ingesta so far.
    pub enum Estado as EstadoDeIngesta {
        /// Handed in.
        Creada,
        /// Being worked on.
        Pendiente,
        /// Something about it needs attention.
        Alertada,
        /// Refused.
        Rechazada,
        /// Worked on, and done.
        Finalizada,
        /// Taken back, because something it needed failed elsewhere.
        Fallida,
        /// Deleted.
        Eliminada,
    }
    /// No state has that name.
    pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los de una ingesta";
}

impl Estado {
    /// Whether an ingesta in this state may go to `a`.
    pub fn puede_pasar_a(self, a: Self) -> bool {
        a.desde().contains(&self)
    }

    /// The table of transitions: from which states one comes here.
    fn desde(self) -> &'static [Self] {
        use Estado::{Alertada, Creada, Eliminada, Fallida, Finalizada, Pendiente, Rechazada};
        match self {
            Creada => &[],
            Pendiente => &[Creada, Alertada],
            Alertada => &[Creada, Pendiente],
            Rechazada => &[Creada, Pendiente, Alertada],
            Finalizada => &[Pendiente, Alertada],
            Fallida => &[Creada, Pendiente, Alertada],
            Eliminada => &[Creada, Pendiente, Alertada, Rechazada, Finalizada, Fallida],
        }
    }
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
                assert_eq!(de.puede_pasar_a(a), esperado, "{de} -> {a}");
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
