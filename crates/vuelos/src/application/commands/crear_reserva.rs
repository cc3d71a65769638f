//! Asks for flights, with or without a cliente.

use crate::{
    application::{Handlers, VuelosFault, VuelosUow, queries::ReservaView},
    domain::reserva::{ClienteId, Itinerario, Itinerarios, LegEscrito, Pasajeros, Reserva, ReservaId},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

/// The sender chooses the id, so that a repeated command creates no second reserva.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrearReserva {
    pub id: ReservaId,
    /// Not checked: a reserva for an unknown cliente is accepted.
    pub cliente: Option<ClienteId>,
    pub pasajeros: Pasajeros,
    pub itinerarios: Itinerarios,
}

impl CrearReserva {
    /// Parses a command that was sent as texts. Without pasajeros, one adult travels. The error has every rule that the
    /// texts break.
    pub fn parse(
        id: ReservaId,
        cliente: Option<ClienteId>,
        pasajeros: Option<&[(&str, &str)]>,
        itinerarios: Vec<Itinerario<LegEscrito>>,
    ) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let pasajeros = found.inside("pasajeros", pasajeros.map_or(Ok(Pasajeros::default()), Pasajeros::parse));
        let itinerarios = found.inside("itinerarios", Itinerarios::parse(itinerarios));
        found.check(|| Some(Self { id, cliente, pasajeros: pasajeros?, itinerarios: itinerarios? }))
    }
}

impl Command for CrearReserva {
    const NAME: &'static str = "crear-reserva";
    type Output = ReservaView;
    type Error = VuelosFault;
}

impl<U: VuelosUow> CommandHandler<CrearReserva, U> for Handlers {
    async fn handle(&self, command: CrearReserva, uow: &mut U) -> Result<ReservaView, VuelosFault> {
        let CrearReserva { id, cliente, pasajeros, itinerarios } = command;
        let reserva = Reserva::crear(id, cliente, pasajeros, itinerarios, self.clock.now());
        let view = ReservaView::from(&reserva);
        uow.save(reserva);
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::ReservaCreada, world::world},
        domain::reserva::{Estado, Hechos, examples::*},
    };

    fn comando() -> CrearReserva {
        let (cliente, pasajeros) = (Some(CLIENTE), Pasajeros::default());
        CrearReserva { id: ID, cliente, pasajeros, itinerarios: itinerarios() }
    }

    #[tokio::test]
    async fn a_new_reserva_is_kept_published_and_returned() {
        let hechos = Hechos { version: 1, ..hechos(Estado::Pendiente, None) };
        let then = world().when(comando()).await;
        assert_eq!(*then.answer(), ReservaView::from(&then.stored::<Reserva>(ID).unwrap()));
        then.then_state(|reserva: &Reserva| reserva.estado() == Estado::Pendiente)
            .then_published([ReservaCreada::from(&hechos)]);
    }

    #[tokio::test]
    async fn an_id_that_is_taken_is_refused() {
        world().given(en(Estado::Cancelada)).when(comando()).await.then_refused(VuelosFault::YaExiste);
    }

    #[test]
    fn a_request_that_breaks_no_rule_is_a_command() {
        let escritos = vec![itinerario(&[&["BOG", "JFK"]])];
        assert_eq!(CrearReserva::parse(ID, Some(CLIENTE), None, escritos), Ok(comando()));
    }

    #[test]
    fn all_broken_rules_are_reported_at_once() {
        let escritos = vec![itinerario(&[&["BOG", "JFK"], &["JFK", "JFK"]]), itinerario(&[])];
        let refused = CrearReserva::parse(ID, None, Some(&[("Menor", "Turista")]), escritos).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| (broken.field.as_str(), broken.rule)).collect();
        let expected = [
            ("pasajeros", "minimo-un-adulto"),
            ("pasajeros[0].clase", "clase-valida"),
            ("itinerarios[0].odos[1].segmentos[0].legs[0].destino.codigo", "ruta-valida"),
            ("itinerarios[1].odos", "minimo-un-tramo"),
        ];
        assert_eq!(told, expected);
    }
}
