//! Ends the work on an ingesta successfully.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::IngestaId,
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizarIngesta {
    pub id: IngestaId,
}

impl Command for FinalizarIngesta {
    const NAME: &'static str = "finalizar-ingesta";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<FinalizarIngesta, U> for Handlers {
    async fn handle(&self, command: FinalizarIngesta, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.finalizar(self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaFinalizada, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn the_end_of_the_work_is_kept_and_published() {
        world()
            .given(en(Estado::Pendiente))
            .when(FinalizarIngesta { id: ID })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Finalizada)
            .then_published([IngestaFinalizada::from(&hechos(Estado::Finalizada, None))]);
    }

    #[tokio::test]
    async fn work_that_never_started_cannot_end() {
        let de_a = TransicionInvalida { from: Estado::Creada, to: Estado::Finalizada };
        world().given(en(Estado::Creada)).when(FinalizarIngesta { id: ID }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn work_on_an_ingesta_that_does_not_exist_cannot_end() {
        world().when(FinalizarIngesta { id: ID }).await.then_refused(IngestaFault::NoExiste(ID));
    }
}
