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

/// The request as written: the handler checks all rules at once, because some depend on the day of its clock.
#[derive(Clone)]
pub struct RegistrarCliente {
    pub id: ClienteId,
    pub solicitud: Solicitud,
}

/// A person or a company as written.
#[derive(Clone)]
pub enum Solicitud {
    Natural(NaturalEscrito),
    Empresa(EmpresaEscrita),
}

#[derive(Clone)]
pub struct NaturalEscrito {
    pub nombres: String,
    pub apellidos: String,
    pub email: String,
    pub documento: DocumentoEscrito,
    pub fecha_nacimiento: NaiveDate,
}

#[derive(Clone)]
pub struct EmpresaEscrita {
    pub razon_social: String,
    pub email: String,
    pub documento: DocumentoEscrito,
    pub fecha_constitucion: NaiveDate,
}

#[derive(Clone)]
pub struct DocumentoEscrito {
    pub tipo: TipoDocumento,
    pub numero: String,
    pub ciudad: String,
}

impl Solicitud {
    /// Parses the request of the day `hoy`. The error has every broken rule.
    fn parse(self, hoy: NaiveDate) -> Result<(Identidad, Email, Ciudad), Violations> {
        match self {
            Self::Natural(natural) => natural.parse(hoy),
            Self::Empresa(empresa) => empresa.parse(hoy),
        }
    }
}

impl NaturalEscrito {
    fn parse(self, hoy: NaiveDate) -> Result<(Identidad, Email, Ciudad), Violations> {
        let Self { nombres, apellidos, email, documento, fecha_nacimiento } = self;
        let DocumentoEscrito { tipo, numero, ciudad } = documento;
        let mut found = Violations::collect();
        let nombres = found.field("nombre.nombres", Nombres::parse(&nombres));
        let apellidos = found.field("nombre.apellidos", Apellidos::parse(&apellidos));
        let email = found.field("email", Email::parse(&email));
        found.field("documento.tipo", tipo.identifica(Tipo::Natural));
        let cedula = found.field("documento.numero", Cedula::parse(&numero));
        let ciudad = found.field("documento.ciudad", Ciudad::parse(&ciudad));
        let nacimiento = FechaNacimiento::new(fecha_nacimiento);
        found.field("fecha_nacimiento", nacimiento.comprobar(hoy));
        found.check(|| {
            let nombre = Nombre { nombres: nombres?, apellidos: apellidos? };
            Some((Identidad::Natural { nombre, cedula: cedula?, nacimiento }, email?, ciudad?))
        })
    }
}

impl EmpresaEscrita {
    fn parse(self, hoy: NaiveDate) -> Result<(Identidad, Email, Ciudad), Violations> {
        let Self { razon_social, email, documento, fecha_constitucion } = self;
        let DocumentoEscrito { tipo, numero, ciudad } = documento;
        let mut found = Violations::collect();
        let razon_social = found.field("razon_social", RazonSocial::parse(&razon_social));
        let email = found.field("email", Email::parse(&email));
        found.field("documento.tipo", tipo.identifica(Tipo::Empresa));
        let rut = found.field("documento.numero", Rut::parse(&numero));
        let ciudad = found.field("documento.ciudad", Ciudad::parse(&ciudad));
        let constitucion = FechaConstitucion::new(fecha_constitucion);
        found.field("fecha_constitucion", constitucion.comprobar(hoy));
        found.check(|| {
            let identidad = Identidad::Empresa { razon_social: razon_social?, rut: rut?, constitucion };
            Some((identidad, email?, ciudad?))
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
        let RegistrarCliente { id, solicitud } = command;
        let ahora = self.clock.now();
        let (identidad, email, ciudad) = solicitud.parse(ahora.date_naive())?;
        uow.save(Cliente::registrar(id, identidad, email, ciudad, ahora)?);
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
        let documento =
            DocumentoEscrito { tipo: TipoDocumento::Cedula, numero: "1020304050".into(), ciudad: "Bogotá".into() };
        let natural = NaturalEscrito {
            nombres: "Ana María".into(),
            apellidos: "Ñáñez Gil".into(),
            email: "ana.gil@alpes.example".into(),
            documento,
            fecha_nacimiento: NACIMIENTO,
        };
        RegistrarCliente { id: ID, solicitud: Solicitud::Natural(natural) }
    }

    fn de_empresa() -> RegistrarCliente {
        let documento =
            DocumentoEscrito { tipo: TipoDocumento::Rut, numero: "900123456-8".into(), ciudad: "Bogotá".into() };
        let empresa = EmpresaEscrita {
            razon_social: "Clínica de los Alpes S.A.S.".into(),
            email: "ana.gil@alpes.example".into(),
            documento,
            fecha_constitucion: CONSTITUCION,
        };
        RegistrarCliente { id: ID, solicitud: Solicitud::Empresa(empresa) }
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
        for (comando, day, refused) in [
            (comando(), "2008-02-27", Some(("fecha_nacimiento", "mayor-de-edad"))),
            (comando(), "2008-02-28", None),
            (de_empresa(), "2001-12-31", Some(("fecha_constitucion", "fecha-pasada"))),
            (de_empresa(), "2002-01-01", None),
        ] {
            let now = format!("{day}T12:00:00Z").parse().unwrap();
            let world = World::new(Handlers::new(FixedClock(now)));
            let then = world.when(comando).await;
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
