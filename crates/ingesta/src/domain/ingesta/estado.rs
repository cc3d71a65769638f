//! What can become of an ingesta, and from where to where it may go.

use seedwork::domain::BrokenRule;
use std::{fmt, str::FromStr};

/// What became of an ingesta so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Estado {
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

impl Estado {
    /// Every state, in the order of its life.
    pub const TODOS: [Self; 7] = [
        Self::Creada,
        Self::Pendiente,
        Self::Alertada,
        Self::Rechazada,
        Self::Finalizada,
        Self::Fallida,
        Self::Eliminada,
    ];

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

    /// The name, as it is stored, published and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creada => "Creada",
            Self::Pendiente => "Pendiente",
            Self::Alertada => "Alertada",
            Self::Rechazada => "Rechazada",
            Self::Finalizada => "Finalizada",
            Self::Fallida => "Fallida",
            Self::Eliminada => "Eliminada",
        }
    }
}

impl fmt::Display for Estado {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Estado {
    type Err = EstadoInvalido;

    fn from_str(texto: &str) -> Result<Self, EstadoInvalido> {
        Self::TODOS.into_iter().find(|estado| estado.as_str() == texto).ok_or(EstadoInvalido)
    }
}

/// No state has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("El estado debe ser uno de los de una ingesta")]
pub struct EstadoInvalido;

impl BrokenRule for EstadoInvalido {
    fn rule(&self) -> &'static str {
        "estado-valido"
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
            for (a, esperado) in Estado::TODOS.into_iter().zip(fila) {
                assert_eq!(de.puede_pasar_a(a), esperado, "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_state_is_known_by_its_name_and_by_nothing_else() {
        for estado in Estado::TODOS {
            assert_eq!(estado.as_str().parse(), Ok(estado));
        }
        for texto in ["", "creada", "CREADA", " Creada", "Perdida"] {
            assert_eq!(texto.parse::<Estado>(), Err(EstadoInvalido), "{texto:?}");
        }
    }
}
