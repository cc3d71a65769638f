//! Starts the work on an ingesta, or continues it after an alert.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::IngestaId,
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IniciarProcesamiento {
    pub id: IngestaId,
}

impl Command for IniciarProcesamiento {
    const NAME: &'static str = "iniciar-procesamiento";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<IniciarProcesamiento, U> for Handlers {
    async fn handle(&self, command: IniciarProcesamiento, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.iniciar_procesamiento(self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::IngestaEnProceso, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn the_start_of_the_work_is_kept_and_published() {
        world()
            .given(en(Estado::Alertada))
            .when(IniciarProcesamiento { id: ID })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Pendiente)
            .then_published([IngestaEnProceso::from(&hechos(Estado::Pendiente, None))]);
    }

    #[tokio::test]
    async fn work_that_has_started_cannot_start_again() {
        let de_a = TransicionInvalida { from: Estado::Pendiente, to: Estado::Pendiente };
        world().given(en(Estado::Pendiente)).when(IniciarProcesamiento { id: ID }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn work_on_an_ingesta_that_does_not_exist_cannot_start() {
        world().when(IniciarProcesamiento { id: ID }).await.then_refused(IngestaFault::NoExiste(ID));
    }
}
