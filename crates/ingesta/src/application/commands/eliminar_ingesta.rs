//! Deletes an ingesta; it stays readable by its id.

use crate::{
    application::{Handlers, IngestaFault, IngestaUow},
    domain::ingesta::IngestaId,
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EliminarIngesta {
    pub id: IngestaId,
}

impl Command for EliminarIngesta {
    const NAME: &'static str = "eliminar-ingesta";
    type Output = ();
    type Error = IngestaFault;
}

impl<U: IngestaUow> CommandHandler<EliminarIngesta, U> for Handlers {
    async fn handle(&self, command: EliminarIngesta, uow: &mut U) -> Result<(), IngestaFault> {
        let mut ingesta = uow.ingesta(command.id).await?;
        ingesta.eliminar(self.clock.now())?;
        uow.save(ingesta);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::integration::published::IngestaEliminada,
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn a_deletion_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Finalizada));
        world.dispatch(EliminarIngesta { id: ID }).await.unwrap();
        assert_eq!(world.get::<Ingesta>(ID).unwrap().estado(), Estado::Eliminada);
        assert_eq!(world.published::<IngestaEliminada>(), [IngestaEliminada::from(&hechos(Estado::Eliminada, None))]);
    }

    #[tokio::test]
    async fn an_ingesta_is_deleted_only_once() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Eliminada));
        let refused = world.dispatch(EliminarIngesta { id: ID }).await;
        let de_a = TransicionInvalida { from: Estado::Eliminada, to: Estado::Eliminada };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn an_ingesta_that_does_not_exist_cannot_be_deleted() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(EliminarIngesta { id: ID }).await;
        assert_eq!(refused, Err(IngestaFault::NoExiste(ID)));
    }
}
