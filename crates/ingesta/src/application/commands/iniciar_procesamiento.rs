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
        application::integration::published::IngestaEnProceso,
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn the_start_of_the_work_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Alertada));
        world.dispatch(IniciarProcesamiento { id: ID }).await.unwrap();
        assert_eq!(world.get::<Ingesta>(ID).unwrap().estado(), Estado::Pendiente);
        assert_eq!(world.published::<IngestaEnProceso>(), [IngestaEnProceso::from(&hechos(Estado::Pendiente, None))]);
    }

    #[tokio::test]
    async fn work_that_has_started_cannot_start_again() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        let refused = world.dispatch(IniciarProcesamiento { id: ID }).await;
        let de_a = TransicionInvalida { from: Estado::Pendiente, to: Estado::Pendiente };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn work_on_an_ingesta_that_does_not_exist_cannot_start() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(IniciarProcesamiento { id: ID }).await;
        assert_eq!(refused, Err(IngestaFault::NoExiste(ID)));
    }
}
