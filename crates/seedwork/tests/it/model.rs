//! The context of these tests: accounts with a unique email, orders with lines, and a read model of orders.

use crate::tables::OrderSummary;
use chrono::{DateTime, Utc};
use diesel_migrations::embed_migrations;
use seedwork::{
    application::{
        Command, CommandHandler, Context, DomainEventHandler, EventHandler, IntegrationEvent, Load, Project, ReadModel,
        Save, StorageError, Translate, UnitOfWork,
    },
    domain::{Aggregate, Recorded, Version},
    infrastructure::postgres::{Migrations, Param, PersistedReadModel, PgUnitOfWork, Projection, Row, RowRole, Table},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use uuid::Uuid;

seedwork::id! {
    /// The id of an account.
    pub struct AccountId;
}
seedwork::id! {
    /// The id of an order.
    pub struct OrderId;
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) email: String,
    pub(crate) balance: i64,
    pub(crate) events: Recorded<Event>,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) lines: Vec<String>,
    pub(crate) events: Recorded<Event>,
}

/// The events of the context. Each has the id of its aggregate and the version that it brings.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Account(Uuid, Version),
    Order(Uuid, Version),
    /// An event that is not published.
    Internal,
}

macro_rules! aggregate {
    ($name:ident, $id:ident) => {
        impl Aggregate for $name {
            type Id = $id;
            type Event = Event;
            fn id(&self) -> $id {
                self.id
            }
            fn version(&self) -> Version {
                self.events.version()
            }
            fn take_events(&mut self) -> Vec<Event> {
                self.events.take()
            }
        }
    };
}
aggregate!(Account, AccountId);
aggregate!(Order, OrderId);

/// The published event of these tests. It borrows a record that exists: the engine has none of its own.
#[derive(Debug, Clone, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteDesactivado", topic = "eventos-cliente", key = id, version = version)]
pub(crate) struct Changed {
    #[serde(rename = "id_cliente")]
    id: Uuid,
    #[serde(rename = "motivo")]
    reason: String,
    #[serde(rename = "fecha", with = "chrono::serde::ts_microseconds")]
    time: DateTime<Utc>,
    version: i64,
}

impl Changed {
    pub(crate) fn new(id: Uuid, version: Version) -> Self {
        Self { id, reason: "test".into(), time: DateTime::UNIX_EPOCH, version: version.into() }
    }
}

impl Translate for Event {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Account(id, version) | Self::Order(id, version) => uow.publish(&Changed::new(*id, *version)),
            Self::Internal => {}
        }
    }
}

pub(crate) const MIGRATIONS: Migrations = embed_migrations!("tests/migrations");

/// Faults that a test switches on and off, by the id of an account.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) failing: Mutex<HashSet<Uuid>>,
    pub(crate) panicking: Mutex<HashSet<Uuid>>,
    /// The handler kills the process.
    pub(crate) killing: Mutex<HashSet<Uuid>>,
    /// The handler takes this long, or until the entry is removed.
    pub(crate) slow: Mutex<HashMap<Uuid, Duration>>,
    /// The handler publishes more than a message may hold.
    pub(crate) verbose: Mutex<HashSet<Uuid>>,
}

#[derive(Clone, Default)]
pub(crate) struct Handlers(pub(crate) Arc<Faults>);

impl Context for Handlers {
    const NAME: &'static str = "engine";
    type Event = Event;
    type Fault = StorageError;
}

/// Writes the read model, and appends an empty line to an order of more than three lines.
impl DomainEventHandler<Uow> for Handlers {
    async fn handle(&self, event: &Event, uow: &mut Uow) -> Result<(), StorageError> {
        let Event::Order(id, version) = event else { return Ok(()) };
        let Some(mut order) = Load::<Order>::load(uow, (*id).into()).await? else { return Ok(()) };
        let lines = i32::try_from(order.lines.len()).unwrap();
        uow.project(OrderSummary { order: *id, lines, version: *version });
        if order.lines.len() > 3 && order.lines.last().is_some_and(|line| !line.is_empty()) {
            order.lines.push(String::new());
            order.events.record(Event::Order(*id, order.events.next_version()));
            uow.save(order);
        }
        Ok(())
    }
}

/// Counts the messages about an account in its balance and refuses one that is out of order.
impl EventHandler<Changed, Uow> for Handlers {
    async fn handle(&self, changed: Changed, uow: &mut Uow) -> Result<(), StorageError> {
        let id = changed.id;
        assert!(!self.0.panicking.lock().unwrap().contains(&id), "a defect of the program");
        if self.0.killing.lock().unwrap().contains(&id) {
            std::process::abort();
        }
        if self.0.failing.lock().unwrap().contains(&id) {
            return Err(StorageError::Unique("failing".into()));
        }
        if self.0.verbose.lock().unwrap().contains(&id) {
            uow.publish(&Changed { reason: "x".repeat(2_000_000), ..changed.clone() });
        }
        let began = Instant::now();
        while self.0.slow.lock().unwrap().get(&id).is_some_and(|slow| began.elapsed() < *slow) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let known = Load::<Account>::load(uow, id.into()).await?;
        let balance = known.as_ref().map_or(0, |account| account.balance);
        if changed.version != balance + 1 {
            return Err(StorageError::Defect(format!("{id}: {} came after {balance}", changed.version)));
        }
        let mut events = known.map_or(Recorded::new(), |account| account.events);
        events.record(Event::Internal);
        uow.save(Account { id: id.into(), email: id.to_string(), balance: balance + 1, events });
        Ok(())
    }
}

pub(crate) type Uow = PgUnitOfWork<Event>;

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

command!(Open(id: AccountId, email: String), |c, uow| {
    let mut events = Recorded::new();
    events.record(Event::Account(c.id.into(), 1));
    uow.save(Account { id: c.id, email: c.email, balance: 0, events });
});

command!(
    /// Opens an account without publishing anything.
    OpenUnpublished(id: AccountId, email: String), |c, uow| {
    let mut events = Recorded::new();
    events.record(Event::Internal);
    uow.save(Account { id: c.id, email: c.email, balance: 0, events });
});

command!(Deposit(id: AccountId), |c, uow| {
    let mut account = Load::<Account>::load(uow, c.id).await?.expect("the account exists");
    account.balance += 1;
    account.events.record(Event::Account(c.id.into(), account.events.next_version()));
    uow.save(account);
});

command!(
    /// Changes an account and then waits for ever.
    Hang(id: AccountId), |c, uow| {
    let mut account = Load::<Account>::load(uow, c.id).await?.expect("the account exists");
    account.balance += 1;
    account.events.record(Event::Account(c.id.into(), account.events.next_version()));
    uow.save(account);
    std::future::pending::<()>().await;
});

command!(
    /// Changes one aggregate twice in one unit of work.
    DepositTwice(id: AccountId), |c, uow| {
    for _ in 0..2 {
        let mut account = Load::<Account>::load(uow, c.id).await?.expect("the account exists");
        account.balance += 1;
        account.events.record(Event::Account(c.id.into(), account.events.next_version()));
        uow.save(account);
    }
});

command!(
    /// Changes two aggregates in one unit of work, in the given order.
    Transfer(from: AccountId, to: AccountId), |c, uow| {
    for (id, amount) in [(c.from, -1), (c.to, 1)] {
        let mut account = Load::<Account>::load(uow, id).await?.expect("the account exists");
        account.balance += amount;
        account.events.record(Event::Account(id.into(), account.events.next_version()));
        uow.save(account);
    }
});

command!(
    /// Changes an account without loading it, on top of `version`.
    Overwrite(id: AccountId, version: Version), |c, uow| {
    let mut events = Recorded::since(c.version);
    events.record(Event::Account(c.id.into(), c.version + 1));
    uow.save(Account { id: c.id, email: format!("{}@overwritten", Uuid::now_v7()), balance: 0, events });
});

command!(
    /// Makes the committer panic.
    Explode(), |_c, uow| {
    uow.project(Bomb { id: Uuid::now_v7() });
});

command!(PlaceOrder(id: OrderId, lines: Vec<String>), |c, uow| {
    let known = Load::<Order>::load(uow, c.id).await?;
    let mut events = known.map_or(Recorded::new(), |order| order.events);
    events.record(Event::Order(c.id.into(), events.next_version()));
    uow.save(Order { id: c.id, lines: c.lines, events });
});

/// A row that panics when it is turned into columns.
#[derive(Clone)]
pub(crate) struct Bomb {
    id: Uuid,
}

impl ReadModel for Bomb {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> i64 {
        0
    }
}

impl PersistedReadModel for Bomb {
    type Row = Self;
}

impl Row for Bomb {
    const TABLE: &'static Table =
        &Table { name: "bombs", columns: &[("id", "uuid[]")], role: RowRole::Projection, key: &["id"], order: "id" };

    fn columns<'a>(_: &[&'a Self]) -> Vec<Param<'a>> {
        panic!("a defect of the program")
    }

    fn bytes(&self) -> usize {
        size_of_val(self)
    }
}

impl Projection for Bomb {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> i64 {
        0
    }
}
