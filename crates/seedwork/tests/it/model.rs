//! A context made for these tests: an account with something unique, an order with lines, and a read model of orders.

use crate::tables::Resumen;
use chrono::{DateTime, Utc};
use diesel_migrations::embed_migrations;
use seedwork::{
    application::{
        Cause, Command, CommandBus, CommandHandler, Context, DomainEventHandler, EventHandler, IntegrationEvent, Load,
        Project, ReadModel, Save, StorageError, Translate, UnitOfWork,
    },
    domain::{Aggregate, Recorded, Version},
    infrastructure::{
        postgres::{
            CommitterSettings, Database, Kind, Migrations, Param, PersistedReadModel, PgUnitOfWork,
            PgUnitOfWorkFactory, Pool, Projection, Row, Table,
        },
        supervise::Supervisor,
    },
    testing::TestDatabase,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use uuid::Uuid;

seedwork::id! {
    /// The id of a cuenta.
    pub struct CuentaId;
}
seedwork::id! {
    /// The id of a pedido.
    pub struct PedidoId;
}

#[derive(Debug, Clone)]
pub(crate) struct Cuenta {
    pub(crate) id: CuentaId,
    pub(crate) email: String,
    pub(crate) saldo: i64,
    pub(crate) events: Recorded<Evento>,
}

#[derive(Debug, Clone)]
pub(crate) struct Pedido {
    pub(crate) id: PedidoId,
    pub(crate) lineas: Vec<String>,
    pub(crate) events: Recorded<Evento>,
}

/// What happened: to whom, and the version that it brought.
#[derive(Debug, Clone)]
pub(crate) enum Evento {
    Cuenta(Uuid, Version),
    Pedido(Uuid, Version),
    /// Stays inside.
    Callado,
}

macro_rules! aggregate {
    ($name:ident, $id:ident) => {
        impl Aggregate for $name {
            type Id = $id;
            type Event = Evento;
            fn id(&self) -> $id {
                self.id
            }
            fn version(&self) -> Version {
                self.events.version()
            }
            fn take_events(&mut self) -> Vec<Evento> {
                self.events.take()
            }
        }
    };
}
aggregate!(Cuenta, CuentaId);
aggregate!(Pedido, PedidoId);

/// What is published, in the shape of a record that exists.
#[derive(Debug, Clone, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.IngestaEliminada", topic = "eventos-ingesta", key = id_ingesta, version = version)]
pub(crate) struct Hecho {
    id_ingesta: Uuid,
    id_proveedor: String,
    id_paciente: String,
    url_path: String,
    estado: Estado,
    motivo: Option<String>,
    #[serde(with = "chrono::serde::ts_microseconds")]
    fecha: DateTime<Utc>,
    version: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Estado {
    Desconocido,
    Creada,
    Pendiente,
    Alertada,
    Rechazada,
    Finalizada,
    Fallida,
    Eliminada,
}

impl Hecho {
    pub(crate) fn new(id: Uuid, version: Version) -> Self {
        Self {
            id_ingesta: id,
            id_proveedor: "p".into(),
            id_paciente: "p".into(),
            url_path: "https://x.example/".into(),
            estado: Estado::Eliminada,
            motivo: None,
            fecha: DateTime::UNIX_EPOCH,
            version: version.into(),
        }
    }
}

impl Translate for Evento {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Cuenta(id, version) | Self::Pedido(id, version) => uow.publish(&Hecho::new(*id, *version)),
            Self::Callado => {}
        }
    }
}

pub(crate) const MIGRATIONS: Migrations = embed_migrations!("tests/migrations");

/// What is wrong with the handlers, for a while.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) failing: Mutex<HashSet<Uuid>>,
    pub(crate) panicking: Mutex<HashSet<Uuid>>,
    /// The first message about these ends the process.
    pub(crate) killing: Mutex<HashSet<Uuid>>,
    /// Of these, a handler takes so long, as long as it says so here.
    pub(crate) slow: Mutex<HashMap<Uuid, Duration>>,
    /// Of these, more is said than a message may hold.
    pub(crate) verbose: Mutex<HashSet<Uuid>>,
}

#[derive(Clone, Default)]
pub(crate) struct Handlers(pub(crate) Arc<Faults>);

impl Context for Handlers {
    const NAME: &'static str = "pruebas";
    type Event = Evento;
    type Fault = StorageError;
}

/// An order of more than three lines is closed by a reaction: one empty line, in the same unit of work.
impl DomainEventHandler<Uow> for Handlers {
    async fn handle(&self, event: &Evento, uow: &mut Uow) -> Result<(), StorageError> {
        let Evento::Pedido(id, version) = event else { return Ok(()) };
        let Some(mut pedido) = Load::<Pedido>::load(uow, (*id).into()).await? else { return Ok(()) };
        let lineas = i32::try_from(pedido.lineas.len()).unwrap();
        uow.project(Resumen { pedido: *id, lineas, version: *version });
        if pedido.lineas.len() > 3 && pedido.lineas.last().is_some_and(|linea| !linea.is_empty()) {
            pedido.lineas.push(String::new());
            pedido.events.record(Evento::Pedido(*id, pedido.events.next_version()));
            uow.save(pedido);
        }
        Ok(())
    }
}

/// Counts what it hears of a cuenta in its saldo, and insists on the order.
impl EventHandler<Hecho, Uow> for Handlers {
    async fn handle(&self, hecho: Hecho, uow: &mut Uow) -> Result<(), StorageError> {
        let id = hecho.id_ingesta;
        assert!(!self.0.panicking.lock().unwrap().contains(&id), "a defect of the program");
        if self.0.killing.lock().unwrap().contains(&id) {
            std::process::abort();
        }
        if self.0.failing.lock().unwrap().contains(&id) {
            return Err(StorageError::Unique("failing".into()));
        }
        if self.0.verbose.lock().unwrap().contains(&id) {
            uow.publish(&Hecho { motivo: Some("x".repeat(2_000_000)), ..hecho.clone() });
        }
        let began = Instant::now();
        while self.0.slow.lock().unwrap().get(&id).is_some_and(|slow| began.elapsed() < *slow) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let known = Load::<Cuenta>::load(uow, id.into()).await?;
        let saldo = known.as_ref().map_or(0, |cuenta| cuenta.saldo);
        if hecho.version != saldo + 1 {
            return Err(StorageError::Defect(format!("{id}: {} came after {saldo}", hecho.version)));
        }
        let mut events = known.map_or(Recorded::new(), |cuenta| cuenta.events);
        events.record(Evento::Callado);
        uow.save(Cuenta { id: id.into(), email: id.to_string(), saldo: saldo + 1, events });
        Ok(())
    }
}

pub(crate) type Uow = PgUnitOfWork<Evento>;

macro_rules! command {
    ($(#[$meta:meta])* $name:ident($($field:ident: $ty:ty),*), |$command:ident, $uow:ident| $body:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name { $(pub(crate) $field: $ty,)* }

        impl Command for $name {
            const NAME: &'static str = stringify!($name);
            type Output = ();
            type Error = StorageError;
        }

        impl CommandHandler<$name, Uow> for Handlers {
            async fn handle(&self, $command: $name, $uow: &mut Uow) -> Result<(), StorageError> {
                $body
                Ok(())
            }
        }
    };
}

command!(Abrir(id: CuentaId, email: String), |c, uow| {
    let mut events = Recorded::new();
    events.record(Evento::Cuenta(c.id.into(), 1));
    uow.save(Cuenta { id: c.id, email: c.email, saldo: 0, events });
});

command!(
    /// Without an event that leaves the context.
    AbrirCallado(id: CuentaId, email: String), |c, uow| {
    let mut events = Recorded::new();
    events.record(Evento::Callado);
    uow.save(Cuenta { id: c.id, email: c.email, saldo: 0, events });
});

command!(Abonar(id: CuentaId), |c, uow| {
    let mut cuenta = Load::<Cuenta>::load(uow, c.id).await?.expect("the cuenta exists");
    cuenta.saldo += 1;
    cuenta.events.record(Evento::Cuenta(c.id.into(), cuenta.events.next_version()));
    uow.save(cuenta);
});

command!(
    /// Changes a cuenta and then waits for something that never comes.
    Colgar(id: CuentaId), |c, uow| {
    let mut cuenta = Load::<Cuenta>::load(uow, c.id).await?.expect("the cuenta exists");
    cuenta.saldo += 1;
    cuenta.events.record(Evento::Cuenta(c.id.into(), cuenta.events.next_version()));
    uow.save(cuenta);
    std::future::pending::<()>().await;
});

command!(
    /// Two changes of one aggregate in one unit of work.
    AbonarDosVeces(id: CuentaId), |c, uow| {
    for _ in 0..2 {
        let mut cuenta = Load::<Cuenta>::load(uow, c.id).await?.expect("the cuenta exists");
        cuenta.saldo += 1;
        cuenta.events.record(Evento::Cuenta(c.id.into(), cuenta.events.next_version()));
        uow.save(cuenta);
    }
});

command!(
    /// Two aggregates in one unit of work, in the order given.
    Traspasar(de: CuentaId, a: CuentaId), |c, uow| {
    for (id, importe) in [(c.de, -1), (c.a, 1)] {
        let mut cuenta = Load::<Cuenta>::load(uow, id).await?.expect("the cuenta exists");
        cuenta.saldo += importe;
        cuenta.events.record(Evento::Cuenta(id.into(), cuenta.events.next_version()));
        uow.save(cuenta);
    }
});

command!(
    /// Changes a cuenta without reading it, as if it had been at `version`.
    Forzar(id: CuentaId, version: Version), |c, uow| {
    let mut events = Recorded::since(c.version);
    events.record(Evento::Cuenta(c.id.into(), c.version + 1));
    uow.save(Cuenta { id: c.id, email: format!("{}@forzada", Uuid::now_v7()), saldo: 0, events });
});

command!(
    /// Makes the committer panic.
    Explotar(), |_c, uow| {
    uow.project(Bomba { id: Uuid::now_v7() });
});

command!(Pedir(id: PedidoId, lineas: Vec<String>), |c, uow| {
    let known = Load::<Pedido>::load(uow, c.id).await?;
    let mut events = known.map_or(Recorded::new(), |pedido| pedido.events);
    events.record(Evento::Pedido(c.id.into(), events.next_version()));
    uow.save(Pedido { id: c.id, lineas: c.lineas, events });
});

/// A row that cannot be turned into columns.
#[derive(Clone)]
pub(crate) struct Bomba {
    id: Uuid,
}

impl ReadModel for Bomba {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> i64 {
        0
    }
}

impl PersistedReadModel for Bomba {
    type Row = Self;
}

impl Row for Bomba {
    const TABLE: &'static Table =
        &Table { name: "bombas", columns: &[("id", "uuid[]")], kind: Kind::Projection, key: &["id"], order: "id" };

    fn columns<'a>(_: &[&'a Self]) -> Vec<Param<'a>> {
        panic!("a defect of the program")
    }

    fn bytes(&self) -> usize {
        size_of_val(self)
    }
}

impl Projection for Bomba {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> i64 {
        0
    }
}

/// The context on a database of its own.
pub(crate) struct Banco {
    pub(crate) database: TestDatabase,
    pub(crate) bus: CommandBus<Handlers, PgUnitOfWorkFactory<Evento>>,
    pub(crate) supervisor: Supervisor,
}

/// For what is to succeed, however busy the machine is.
pub(crate) const PATIENT: CommitterSettings = with_deadline(20);

/// For what is to fail: soon.
pub(crate) const HASTY: CommitterSettings = with_deadline(2);

/// How long a task may take to end.
pub(crate) const END: Duration = Duration::from_secs(20);

const fn with_deadline(seconds: u64) -> CommitterSettings {
    let handler = Duration::from_secs(30);
    CommitterSettings { deadline: Duration::from_secs(seconds), handler, partition_rows: 1_000_000 }
}

impl Banco {
    pub(crate) async fn open() -> Self {
        Self::with(PATIENT).await
    }

    pub(crate) async fn with(settings: CommitterSettings) -> Self {
        let database = TestDatabase::create(vec![("pruebas", MIGRATIONS)]).await.unwrap();
        let supervisor = Supervisor::new();
        let bus = bus(&database.context("pruebas").unwrap(), settings, &supervisor);
        Self { database, bus, supervisor }
    }

    pub(crate) async fn give<C>(&self, command: C) -> Result<(), StorageError>
    where
        C: Command<Output = (), Error = StorageError>,
        Handlers: CommandHandler<C, Uow>,
    {
        self.bus.dispatch(command, &Cause::new()).await
    }

    /// Connections for lists.
    pub(crate) fn lists(&self) -> Pool {
        self.database.context("pruebas").unwrap().list_pool().clone()
    }

    /// A connection to look behind the scenes, as the context itself.
    pub(crate) async fn look(&self) -> tokio_postgres::Client {
        connect(self.database.url()).await
    }

    pub(crate) async fn saldo(&self, id: CuentaId) -> Option<i64> {
        let row = self.look().await.query_opt("SELECT saldo FROM cuentas WHERE id = $1", &[&Uuid::from(id)]).await;
        row.unwrap().map(|row| row.get(0))
    }

    /// The log, as (seq, key, aggregate version), after it was seen to have no gap.
    pub(crate) async fn log(&self) -> Vec<(i64, Uuid, i64)> {
        let rows = self.look().await.query("SELECT seq, key, aggregate_version FROM outbox ORDER BY seq", &[]).await;
        let log: Vec<_> =
            rows.unwrap().iter().map(|row| (row.get(0), row.get::<_, &str>(1).parse().unwrap(), row.get(2))).collect();
        assert!((1..).zip(&log).all(|(n, (seq, ..))| n == *seq), "the log has a gap: {log:?}");
        log
    }
}

pub(crate) fn bus(
    database: &Database,
    settings: CommitterSettings,
    supervisor: &Supervisor,
) -> CommandBus<Handlers, PgUnitOfWorkFactory<Evento>> {
    CommandBus::new(Handlers::default(), PgUnitOfWorkFactory::start(database, settings, supervisor))
}

#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path = pruebas").await.unwrap();
    client
}
