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
        application::{integration::published::ClienteDesactivado, world::world},
        domain::{
            cliente::{Cliente, Estado, TransicionInvalida, examples::*},
            expediente::{
                Estado::{Abierto, Cerrado},
                Expediente,
                examples::en as expediente,
            },
        },
    };

    fn comando() -> DesactivarCliente {
        DesactivarCliente { id: ID, motivo: motivo() }
    }

    #[tokio::test]
    async fn a_cliente_that_leaves_is_kept_and_published() {
        world()
            .given(en(Estado::Activo))
            .given(expediente(Abierto))
            .when(comando())
            .await
            .then_state(|cliente: &Cliente| cliente.estado() == Estado::Desactivado)
            // The expediente's event stays inside.
            .then_published([ClienteDesactivado::from(&hechos(Estado::Desactivado, Some(motivo())))]);
    }

    #[tokio::test]
    async fn an_empresa_leaves_like_a_person() {
        world()
            .given(una_empresa())
            .given(expediente(Abierto))
            .when(comando())
            .await
            .then_state(|cliente: &Cliente| cliente.estado() == Estado::Desactivado);
    }

    #[tokio::test]
    async fn its_expediente_is_closed_at_once() {
        world()
            .given(en(Estado::Activo))
            .given(expediente(Abierto))
            .when(comando())
            .await
            .then_state(|expediente: &Expediente| expediente.estado() == Cerrado);
    }

    #[tokio::test]
    async fn a_cliente_leaves_only_once() {
        let de_a = TransicionInvalida { from: Estado::Desactivado, to: Estado::Desactivado };
        world().given(en(Estado::Desactivado)).given(expediente(Cerrado)).when(comando()).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn a_cliente_that_does_not_exist_cannot_leave() {
        world().when(comando()).await.then_refused(ClientesFault::NoExiste(ID));
    }

    #[test]
    fn leaving_needs_a_motivo() {
        let refused = DesactivarCliente::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
