//! Refuses an ingesta.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::{IngestaId, Motivo},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RechazarIngesta {
    pub id: IngestaId,
    pub motivo: Motivo,
}

impl RechazarIngesta {
    /// Parses a command that was sent as text.
    pub fn parse(id: IngestaId, motivo: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let motivo = found.field("motivo", Motivo::parse(motivo));
        found.check(|| Some(Self { id, motivo: motivo? }))
    }
}

impl Command for RechazarIngesta {
    const NAME: &'static str = "rechazar-ingesta";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<RechazarIngesta, U> for Handlers {
    async fn handle(&self, command: RechazarIngesta, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.rechazar(command.motivo, self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaRechazada, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn a_refusal_is_kept_and_published() {
        world()
            .given(en(Estado::Alertada))
            .when(RechazarIngesta { id: ID, motivo: motivo() })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Rechazada)
            .then_published([IngestaRechazada::from(&hechos(Estado::Rechazada, Some(motivo())))]);
    }

    #[tokio::test]
    async fn an_ingesta_is_refused_only_once() {
        let de_a = TransicionInvalida { from: Estado::Rechazada, to: Estado::Rechazada };
        world()
            .given(en(Estado::Rechazada))
            .when(RechazarIngesta { id: ID, motivo: motivo() })
            .await
            .then_refused(de_a);
    }

    #[tokio::test]
    async fn an_ingesta_that_does_not_exist_cannot_be_refused() {
        world().when(RechazarIngesta { id: ID, motivo: motivo() }).await.then_refused(IngestaFault::NoExiste(ID));
    }

    #[test]
    fn a_refusal_needs_a_motivo() {
        let refused = RechazarIngesta::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
