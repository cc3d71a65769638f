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
        application::{integration::published::IngestaEliminada, world::world},
        domain::ingesta::{Estado, Ingesta, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn a_deletion_is_kept_and_published() {
        world()
            .given(en(Estado::Finalizada))
            .when(EliminarIngesta { id: ID })
            .await
            .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Eliminada)
            .then_published([IngestaEliminada::from(&hechos(Estado::Eliminada, None))]);
    }

    #[tokio::test]
    async fn an_ingesta_is_deleted_only_once() {
        let de_a = TransicionInvalida { from: Estado::Eliminada, to: Estado::Eliminada };
        world().given(en(Estado::Eliminada)).when(EliminarIngesta { id: ID }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn an_ingesta_that_does_not_exist_cannot_be_deleted() {
        world().when(EliminarIngesta { id: ID }).await.then_refused(IngestaFault::NoExiste(ID));
    }
}
