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
        application::integration::published::IngestaFinalizada,
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn the_end_of_the_work_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        world.dispatch(FinalizarIngesta { id: ID }).await.unwrap();
        assert_eq!(world.get::<Ingesta>(ID).unwrap().estado(), Estado::Finalizada);
        assert_eq!(
            world.published::<IngestaFinalizada>(),
            [IngestaFinalizada::from(&hechos(Estado::Finalizada, None))]
        );
    }

    #[tokio::test]
    async fn work_that_never_started_cannot_end() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Creada));
        let refused = world.dispatch(FinalizarIngesta { id: ID }).await;
        let de_a = TransicionInvalida { from: Estado::Creada, to: Estado::Finalizada };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn work_on_an_ingesta_that_does_not_exist_cannot_end() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(FinalizarIngesta { id: ID }).await;
        assert_eq!(refused, Err(IngestaFault::NoExiste(ID)));
    }
}
