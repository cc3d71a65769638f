//! Takes an ingesta back, because something it needed failed elsewhere: the compensation.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::{IngestaId, Motivo},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertirIngesta {
    pub id: IngestaId,
    pub motivo: Motivo,
}

impl RevertirIngesta {
    /// Parses a command that was sent as text.
    pub fn parse(id: IngestaId, motivo: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let motivo = found.field("motivo", Motivo::parse(motivo));
        found.check(|| Some(Self { id, motivo: motivo? }))
    }
}

impl Command for RevertirIngesta {
    const NAME: &'static str = "revertir-ingesta";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<RevertirIngesta, U> for Handlers {
    async fn handle(&self, command: RevertirIngesta, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.revertir(command.motivo, self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaFallida, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn a_reversal_is_kept_and_published() {
        world()
            .given(en(Estado::Pendiente))
            .when(RevertirIngesta { id: ID, motivo: motivo() })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Fallida)
            .then_published([IngestaFallida::from(&hechos(Estado::Fallida, Some(motivo())))]);
    }

    #[tokio::test]
    async fn a_finished_ingesta_cannot_be_taken_back() {
        let de_a = TransicionInvalida { from: Estado::Finalizada, to: Estado::Fallida };
        world()
            .given(en(Estado::Finalizada))
            .when(RevertirIngesta { id: ID, motivo: motivo() })
            .await
            .then_refused(de_a);
    }

    #[tokio::test]
    async fn an_ingesta_that_does_not_exist_cannot_be_taken_back() {
        world().when(RevertirIngesta { id: ID, motivo: motivo() }).await.then_refused(IngestaFault::NoExiste(ID));
    }

    #[test]
    fn a_reversal_needs_a_motivo() {
        let refused = RevertirIngesta::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
