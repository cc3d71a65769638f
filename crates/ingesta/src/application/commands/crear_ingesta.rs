//! Takes in an image of a patient.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::{IdPaciente, IdProveedor, Ingesta, IngestaId, UrlImagen},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

/// The sender chooses the id, so that a repeated command creates no second ingesta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrearIngesta {
    pub id: IngestaId,
    pub proveedor: IdProveedor,
    pub paciente: IdPaciente,
    pub url: UrlImagen,
}

impl CrearIngesta {
    /// Parses a command that was sent as texts. The error has every rule that they break.
    pub fn parse(id: IngestaId, id_proveedor: &str, id_paciente: &str, url_path: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let proveedor = found.field("id_proveedor", IdProveedor::parse(id_proveedor));
        let paciente = found.field("id_paciente", IdPaciente::parse(id_paciente));
        let url = found.field("url_path", UrlImagen::parse(url_path));
        found.check(|| Some(Self { id, proveedor: proveedor?, paciente: paciente?, url: url? }))
    }
}

impl Command for CrearIngesta {
    const NAME: &'static str = "crear-ingesta";
    type Output = IngestaId;
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<CrearIngesta, U> for Handlers {
    async fn handle(&self, command: CrearIngesta, uow: &mut U) -> Result<IngestaId, IngestaFault> {
        let CrearIngesta { id, proveedor, paciente, url } = command;
        uow.save(Ingesta::crear(id, proveedor, paciente, url, self.clock.now()));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaCreada, world::world},
        domain::ingesta::{Estado, Hechos, examples::*},
    };

    fn comando() -> CrearIngesta {
        CrearIngesta { id: ID, proveedor: proveedor(), paciente: paciente(), url: url() }
    }

    #[tokio::test]
    async fn a_new_ingesta_is_kept_and_published() {
        let hechos = Hechos { version: 1, ..hechos(Estado::Creada, None) };
        world()
            .when(comando())
            .await
            .then_returned(ID)
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Creada)
            .then_published([IngestaCreada::from(&hechos)]);
    }

    #[tokio::test]
    async fn an_id_that_is_taken_is_refused() {
        world().given(en(Estado::Eliminada)).when(comando()).await.then_refused(IngestaFault::YaExiste);
    }

    #[test]
    fn texts_that_break_no_rule_are_a_command() {
        let parsed = CrearIngesta::parse(ID, proveedor().as_str(), paciente().as_str(), url().as_str());
        assert_eq!(parsed, Ok(comando()));
    }

    #[test]
    fn all_broken_rules_are_reported_at_once() {
        let refused = CrearIngesta::parse(ID, "", "\0", "torax.dcm").unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| (broken.field.as_str(), broken.rule)).collect();
        let expected = [
            ("id_proveedor", "id-proveedor-valido"),
            ("id_paciente", "id-paciente-valido"),
            ("url_path", "url-valida"),
        ];
        assert_eq!(told, expected);
    }
}
