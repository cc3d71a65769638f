//! Registers a person or a company as a cliente.

use crate::{
    application::{ClientesFault, ClientesUow, Handlers},
    domain::cliente::{Ciudad, Cliente, ClienteId, Email, Identidad},
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrarCliente {
    pub id: ClienteId,
    pub identidad: Identidad,
    pub email: Email,
    /// The city where the document was issued.
    pub ciudad: Ciudad,
}

impl Command for RegistrarCliente {
    const NAME: &'static str = "registrar-cliente";
    type Output = ClienteId;
    type Error = ClientesFault;
}

impl<U: ClientesUow> CommandHandler<RegistrarCliente, U> for Handlers {
    async fn handle(&self, command: RegistrarCliente, uow: &mut U) -> Result<ClienteId, ClientesFault> {
        let RegistrarCliente { id, identidad, email, ciudad } = command;
        uow.save(Cliente::registrar(id, identidad, email, ciudad, self.clock.now()));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::integration::published::ClienteRegistrado,
        domain::{
            cliente::{Estado, Hechos, examples::*},
            expediente::{self, Expediente},
        },
    };
    use seedwork::{domain::FixedClock, testing::World};

    fn comando() -> RegistrarCliente {
        RegistrarCliente { id: ID, identidad: natural(), email: email(), ciudad: ciudad() }
    }

    #[tokio::test]
    async fn a_new_cliente_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        assert_eq!(world.dispatch(comando()).await, Ok(ID));
        assert_eq!(world.get::<Cliente>(ID).unwrap().estado(), Estado::Activo);
        let hechos = Hechos { version: 1, ..hechos(Estado::Activo, None) };
        assert_eq!(world.published::<ClienteRegistrado>(), [ClienteRegistrado::from(&hechos)]);
        assert_eq!(world.published_count(), 1, "what happens to the expediente stays inside");
    }

    #[tokio::test]
    async fn a_new_cliente_has_an_open_expediente_at_once() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        world.dispatch(comando()).await.unwrap();
        let expediente = world.get::<Expediente>(ID).unwrap();
        assert_eq!((expediente.estado(), expediente.datos().fecha_apertura), (expediente::Estado::Abierto, AHORA));
    }

    #[tokio::test]
    async fn an_id_that_is_taken_is_refused() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Desactivado));
        assert_eq!(world.dispatch(comando()).await, Err(ClientesFault::YaExiste));
        assert_eq!((world.get::<Expediente>(ID), world.published_count()), (None, 0));
    }
}
