//! Deactivates a cliente; it stays readable.

use crate::{
    application::{ClientesFault, ClientesUow, Handlers},
    domain::cliente::{ClienteId, Motivo},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesactivarCliente {
    pub id: ClienteId,
    pub motivo: Motivo,
}

impl DesactivarCliente {
    /// Parses a command that was sent as text.
    pub fn parse(id: ClienteId, motivo: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let motivo = found.field("motivo", Motivo::parse(motivo));
        found.check(|| Some(Self { id, motivo: motivo? }))
    }
}

impl Command for DesactivarCliente {
    const NAME: &'static str = "desactivar-cliente";
    type Output = ();
    type Error = ClientesFault;
}

impl<U: ClientesUow> CommandHandler<DesactivarCliente, U> for Handlers {
    async fn handle(&self, command: DesactivarCliente, uow: &mut U) -> Result<(), ClientesFault> {
        let mut cliente = uow.cliente(command.id).await?;
        cliente.desactivar(command.motivo, self.clock.now())?;
        uow.save(cliente);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::integration::published::ClienteDesactivado,
        domain::{
            cliente::{Cliente, Estado, TransicionInvalida, examples::*},
            expediente::{self, Expediente},
        },
    };
    use seedwork::{domain::FixedClock, testing::World};

    fn world(estado: Estado) -> World<Handlers> {
        let expediente = expediente::examples::en(match estado {
            Estado::Activo => expediente::Estado::Abierto,
            Estado::Desactivado => expediente::Estado::Cerrado,
        });
        World::new(Handlers::new(FixedClock(AHORA))).with(en(estado)).with(expediente)
    }

    #[tokio::test]
    async fn a_cliente_that_leaves_is_kept_and_published() {
        let world = world(Estado::Activo);
        world.dispatch(DesactivarCliente { id: ID, motivo: motivo() }).await.unwrap();
        assert_eq!(world.get::<Cliente>(ID).unwrap().estado(), Estado::Desactivado);
        let expected = ClienteDesactivado::from(&hechos(Estado::Desactivado, Some(motivo())));
        assert_eq!(world.published::<ClienteDesactivado>(), [expected]);
    }

    #[tokio::test]
    async fn an_empresa_leaves_like_a_person() {
        let expediente = expediente::examples::en(expediente::Estado::Abierto);
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(una_empresa()).with(expediente);
        world.dispatch(DesactivarCliente { id: ID, motivo: motivo() }).await.unwrap();
        assert_eq!(world.get::<Cliente>(ID).unwrap().estado(), Estado::Desactivado);
    }

    #[tokio::test]
    async fn its_expediente_is_closed_at_once() {
        let world = world(Estado::Activo);
        world.dispatch(DesactivarCliente { id: ID, motivo: motivo() }).await.unwrap();
        assert_eq!(world.get::<Expediente>(ID).unwrap().estado(), expediente::Estado::Cerrado);
        assert_eq!(world.published_count(), 1, "what happens to the expediente stays inside");
    }

    #[tokio::test]
    async fn a_cliente_leaves_only_once() {
        let world = world(Estado::Desactivado);
        let refused = world.dispatch(DesactivarCliente { id: ID, motivo: motivo() }).await;
        let de_a = TransicionInvalida { from: Estado::Desactivado, to: Estado::Desactivado };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn a_cliente_that_does_not_exist_cannot_leave() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(DesactivarCliente { id: ID, motivo: motivo() }).await;
        assert_eq!(refused, Err(ClientesFault::NoExiste(ID)));
    }

    #[test]
    fn leaving_needs_a_motivo() {
        let refused = DesactivarCliente::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
