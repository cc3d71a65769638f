//! The records of the topic `comandos-ingesta`, and the command that each becomes.
//!
//! A decoded record is well-typed, no more. If the domain refuses its values, the sender gets a `ComandoRechazado`.

use crate::{application::commands, domain::ingesta::IngestaId};
use seedwork::{application::IntegrationEvent, domain::Violations};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.CrearIngesta", topic = "comandos-ingesta", key = id_ingesta)]
pub struct CrearIngesta {
    pub id_ingesta: Uuid,
    pub id_proveedor: String,
    pub id_paciente: String,
    pub url_path: String,
}

impl TryFrom<CrearIngesta> for commands::CrearIngesta {
    type Error = Violations;

    fn try_from(record: CrearIngesta) -> Result<Self, Violations> {
        let CrearIngesta { id_ingesta, id_proveedor, id_paciente, url_path } = record;
        Self::parse(id_ingesta.into(), &id_proveedor, &id_paciente, &url_path)
    }
}

/// Declares the records that ask for a change of an ingesta, each with the function that parses it. All have the same
/// fields. A missing `motivo` is parsed as an empty one.
macro_rules! changes {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal, $parse:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "comandos-ingesta", key = id_ingesta)]
        pub struct $record {
            pub id_ingesta: Uuid,
            pub motivo: Option<String>,
        }

        impl TryFrom<$record> for commands::$record {
            type Error = Violations;

            fn try_from(record: $record) -> Result<Self, Violations> {
                let parse: fn(IngestaId, &str) -> Result<Self, Violations> = $parse;
                parse(record.id_ingesta.into(), record.motivo.as_deref().unwrap_or_default())
            }
        }
    )+};
}

changes! {
    /// Asks to start the work on an image.
    IniciarProcesamiento = "sta.ingesta.v1.IniciarProcesamiento", |id, _| Ok(Self { id });
    /// Asks to raise an alert.
    AlertarIngesta = "sta.ingesta.v1.AlertarIngesta", Self::parse;
    /// Asks to refuse an image.
    RechazarIngesta = "sta.ingesta.v1.RechazarIngesta", Self::parse;
    /// Asks to end the work on an image.
    FinalizarIngesta = "sta.ingesta.v1.FinalizarIngesta", |id, _| Ok(Self { id });
    /// Asks to take back what was begun with an image.
    RevertirIngesta = "sta.ingesta.v1.RevertirIngesta", Self::parse;
    /// Asks to delete an ingesta.
    EliminarIngesta = "sta.ingesta.v1.EliminarIngesta", |id, _| Ok(Self { id });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::examples::*;

    #[test]
    fn a_record_becomes_the_command_of_its_name() {
        let record = CrearIngesta {
            id_ingesta: ID.into(),
            id_proveedor: proveedor().to_string(),
            id_paciente: paciente().to_string(),
            url_path: url().to_string(),
        };
        let command = commands::CrearIngesta { id: ID, proveedor: proveedor(), paciente: paciente(), url: url() };
        assert_eq!(record.try_into(), Ok(command));

        let record = AlertarIngesta { id_ingesta: ID.into(), motivo: Some(motivo().to_string()) };
        assert_eq!(record.try_into(), Ok(commands::AlertarIngesta { id: ID, motivo: motivo() }));
    }

    #[test]
    fn a_motivo_that_is_not_needed_is_ignored() {
        let record = EliminarIngesta { id_ingesta: ID.into(), motivo: Some("\0".into()) };
        assert_eq!(record.try_into(), Ok(commands::EliminarIngesta { id: ID }));
    }

    #[test]
    fn a_motivo_that_is_needed_and_not_there_breaks_its_rule() {
        let record = RevertirIngesta { id_ingesta: ID.into(), motivo: None };
        assert_eq!(commands::RevertirIngesta::try_from(record).unwrap_err().rule(), "motivo-valido");
    }

    #[test]
    fn all_broken_rules_of_a_record_are_reported_at_once() {
        let record = CrearIngesta {
            id_ingesta: ID.into(),
            id_proveedor: String::new(),
            id_paciente: String::new(),
            url_path: String::new(),
        };
        assert_eq!(commands::CrearIngesta::try_from(record).unwrap_err().iter().count(), 3);
    }
}
