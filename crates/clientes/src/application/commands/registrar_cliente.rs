//! Registers a person or a company as a cliente.

use crate::{
    application::{ClientesFault, ClientesUow, Handlers},
    domain::cliente::{
        Apellidos, Cedula, Ciudad, Cliente, ClienteId, Email, FechaConstitucion, FechaNacimiento, Identidad, Nombre,
        Nombres, RazonSocial, Rut, Tipo, TipoDocumento,
    },
};
use chrono::NaiveDate;
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrarCliente {
    pub id: ClienteId,
    pub identidad: Identidad,
    pub email: Email,
    /// The city where the document was issued.
    pub ciudad: Ciudad,
}

/// A person as written: no rule is checked yet.
pub struct NaturalEscrito<'a> {
    pub nombres: &'a str,
    pub apellidos: &'a str,
    pub email: &'a str,
    pub documento: DocumentoEscrito<'a>,
    pub fecha_nacimiento: NaiveDate,
}

/// A company as written: no rule is checked yet.
pub struct EmpresaEscrita<'a> {
    pub razon_social: &'a str,
    pub email: &'a str,
    pub documento: DocumentoEscrito<'a>,
    pub fecha_constitucion: NaiveDate,
}

pub struct DocumentoEscrito<'a> {
    pub tipo: TipoDocumento,
    pub numero: &'a str,
    pub ciudad: &'a str,
}

impl RegistrarCliente {
    /// Checks every rule but those of the day, which the handler knows.
    pub fn parse_natural(id: ClienteId, escrito: &NaturalEscrito<'_>) -> Result<Self, Violations> {
        let NaturalEscrito { nombres, apellidos, email, documento, fecha_nacimiento } = escrito;
        let mut found = Violations::collect();
        let nombres = found.field("nombre.nombres", Nombres::parse(nombres));
        let apellidos = found.field("nombre.apellidos", Apellidos::parse(apellidos));
        let email = found.field("email", Email::parse(email));
        found.field("documento.tipo", documento.tipo.identifica(Tipo::Natural));
        let cedula = found.field("documento.numero", Cedula::parse(documento.numero));
        let ciudad = found.field("documento.ciudad", Ciudad::parse(documento.ciudad));
        let nacimiento = FechaNacimiento::new(*fecha_nacimiento);
        found.check(|| {
            let nombre = Nombre { nombres: nombres?, apellidos: apellidos? };
            let identidad = Identidad::Natural { nombre, cedula: cedula?, nacimiento };
            Some(Self { id, identidad, email: email?, ciudad: ciudad? })
        })
    }

    /// Checks every rule but those of the day, which the handler knows.
    pub fn parse_empresa(id: ClienteId, escrito: &EmpresaEscrita<'_>) -> Result<Self, Violations> {
        let EmpresaEscrita { razon_social, email, documento, fecha_constitucion } = escrito;
        let mut found = Violations::collect();
        let razon_social = found.field("razon_social", RazonSocial::parse(razon_social));
        let email = found.field("email", Email::parse(email));
        found.field("documento.tipo", documento.tipo.identifica(Tipo::Empresa));
        let rut = found.field("documento.numero", Rut::parse(documento.numero));
        let ciudad = found.field("documento.ciudad", Ciudad::parse(documento.ciudad));
        let constitucion = FechaConstitucion::new(*fecha_constitucion);
        found.check(|| {
            let identidad = Identidad::Empresa { razon_social: razon_social?, rut: rut?, constitucion };
            Some(Self { id, identidad, email: email?, ciudad: ciudad? })
        })
    }
}

impl Command for RegistrarCliente {
    const NAME: &'static str = "registrar-cliente";
    type Output = ClienteId;
    type Error = ClientesFault;
}

impl<U: ClientesUow> CommandHandler<RegistrarCliente, U> for Handlers {
    async fn handle(&self, command: RegistrarCliente, uow: &mut U) -> Result<ClienteId, ClientesFault> {
        let RegistrarCliente { id, identidad, email, ciudad } = command;
        uow.save(Cliente::registrar(id, identidad, email, ciudad, self.clock.now())?);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::ClienteRegistrado, world::world},
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
        let hechos = Hechos { version: 1, ..hechos(Estado::Activo, None) };
        world()
            .when(comando())
            .await
            .then_returned(ID)
            .then_state(|cliente: &Cliente| cliente.estado() == Estado::Activo)
            // The expediente's event stays inside.
            .then_published([ClienteRegistrado::from(&hechos)]);
    }

    #[tokio::test]
    async fn a_new_cliente_has_an_open_expediente_at_once() {
        world()
            .when(comando())
            .await
            .then_state(|expediente: &Expediente| expediente.estado() == expediente::Estado::Abierto)
            .then_state(|expediente: &Expediente| expediente.datos().fecha_apertura == AHORA);
    }

    #[tokio::test]
    async fn the_day_of_the_clock_decides_whether_a_cliente_may_register() {
        for (identidad, day, refused) in [
            (natural(), "2008-02-27", Some(("fecha_nacimiento", "mayor-de-edad"))),
            (natural(), "2008-02-28", None),
            (empresa(), "2001-12-31", Some(("fecha_constitucion", "fecha-pasada"))),
            (empresa(), "2002-01-01", None),
        ] {
            let now = format!("{day}T12:00:00Z").parse().unwrap();
            let world = World::new(Handlers::new(FixedClock(now)));
            let then = world.when(RegistrarCliente { identidad, ..comando() }).await;
            let answer = then.outcome();
            let violation = match answer {
                Err(ClientesFault::Invalido(found)) => found.iter().next().map(|one| (one.field.as_str(), one.rule)),
                _ => None,
            };
            assert_eq!((violation, answer.is_ok()), (refused, refused.is_none()), "{day}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn an_id_that_is_taken_is_refused() {
        world().given(en(Estado::Desactivado)).when(comando()).await.then_refused(ClientesFault::YaExiste);
    }
}
