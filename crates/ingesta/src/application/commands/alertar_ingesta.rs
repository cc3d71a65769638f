//! Raises an alert on an ingesta.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::{IngestaId, Motivo},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertarIngesta {
    pub id: IngestaId,
    pub motivo: Motivo,
}

impl AlertarIngesta {
    /// Parses a command that was sent as text.
    pub fn parse(id: IngestaId, motivo: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let motivo = found.field("motivo", Motivo::parse(motivo));
        found.check(|| Some(Self { id, motivo: motivo? }))
    }
}

impl Command for AlertarIngesta {
    const NAME: &'static str = "alertar-ingesta";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<AlertarIngesta, U> for Handlers {
    async fn handle(&self, command: AlertarIngesta, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.alertar(command.motivo, self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaAlertada, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn an_alert_is_kept_and_published() {
        world()
            .given(en(Estado::Creada))
            .when(AlertarIngesta { id: ID, motivo: motivo() })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Alertada)
            .then_published([IngestaAlertada::from(&hechos(Estado::Alertada, Some(motivo())))]);
    }

    #[tokio::test]
    async fn a_finished_ingesta_cannot_be_alerted() {
        let de_a = TransicionInvalida { from: Estado::Finalizada, to: Estado::Alertada };
        world()
            .given(en(Estado::Finalizada))
            .when(AlertarIngesta { id: ID, motivo: motivo() })
            .await
            .then_refused(de_a);
    }

    #[tokio::test]
    async fn an_ingesta_that_does_not_exist_cannot_be_alerted() {
        world().when(AlertarIngesta { id: ID, motivo: motivo() }).await.then_refused(IngestaFault::NoExiste(ID));
    }

    #[test]
    fn an_alert_needs_a_motivo() {
        let refused = AlertarIngesta::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
