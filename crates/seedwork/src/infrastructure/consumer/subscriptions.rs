//! The subscriptions of a context: a table from the type of a message to its handler. Types are erased here only.

use crate::{
    application::{
        Cause, Command, CommandHandler, Context, EventHandler, Fault, FaultKind, IntegrationEvent, Refusal, Refuse,
        StorageError,
    },
    domain::{Clock, SystemClock, Violations},
    infrastructure::{
        avro::{self, AvroError},
        client_texts,
        postgres::{Parking, PgCommandBus, PgContext, PgUow},
    },
};
use anyhow::ensure;
use apache_avro::types::Value;
use futures_util::future::{BoxFuture, ready};
use std::{collections::HashMap, sync::Arc};

/// The outcome of an attempt to handle a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its effect is committed, now or before.
    Handled,
    /// The context has no subscription to its type.
    Unhandled(String),
    /// The database or the registry is unavailable, or the context is overloaded. The message is not the cause.
    Unavailable(String),
    /// Each attempt failed because a concurrent change was committed first.
    Raced(String),
    /// An earlier message of its key is parked.
    Behind,
    /// The attempt failed; a retry may succeed.
    Transient(String),
    /// A retry cannot help.
    Permanent(String),
}

type Handler = Arc<dyn Fn(Value, Cause) -> BoxFuture<'static, Outcome> + Send + Sync>;
type Park = Arc<dyn Fn(Parking) -> BoxFuture<'static, Result<(), StorageError>> + Send + Sync>;

/// The events and commands that a context consumes, with their handlers.
#[derive(Clone)]
pub struct Subscriptions {
    pub(super) topics: Vec<&'static str>,
    pub(super) handlers: HashMap<&'static str, Handler>,
    pub(super) park: Park,
    /// The types that do not fit the records that they read.
    misfits: Vec<AvroError>,
}

impl Subscriptions {
    /// Starts the list of subscriptions of a context, whose handlers run on `bus`.
    pub fn builder<H: PgContext>(bus: Arc<PgCommandBus<H>>) -> SubscriptionsBuilder<H> {
        let parks = Arc::clone(&bus);
        let park = move |parking| -> BoxFuture<'static, _> {
            let bus = Arc::clone(&parks);
            Box::pin(async move { bus.factory().park(parking).await })
        };
        SubscriptionsBuilder {
            bus,
            subscriptions: Self {
                topics: Vec::new(),
                handlers: HashMap::new(),
                park: Arc::new(park),
                misfits: Vec::new(),
            },
        }
    }

    /// Returns true if the context consumes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    fn on<M: IntegrationEvent>(
        &mut self,
        handle: impl Fn(M, Cause) -> BoxFuture<'static, Outcome> + Send + Sync + 'static,
    ) {
        self.misfits.extend(avro::check_reader::<M>().err());
        if !self.topics.contains(&M::TOPIC) {
            self.topics.push(M::TOPIC);
        }
        let erased = move |value: Value, cause: Cause| -> BoxFuture<'static, Outcome> {
            match avro::decode::<M>(&value) {
                Ok(message) => handle(message, cause),
                Err(error) => Box::pin(ready(Outcome::Permanent(error.to_string()))),
            }
        };
        self.handlers.insert(M::TYPE, Arc::new(erased));
    }
}

/// The subscriptions of a context while they are listed: the types of its handlers are still known.
pub struct SubscriptionsBuilder<H: Context> {
    bus: Arc<PgCommandBus<H>>,
    subscriptions: Subscriptions,
}

impl<H: PgContext> SubscriptionsBuilder<H> {
    /// Subscribes to the command `C`, which arrives as the record `M`. A command that the business refuses is answered
    /// with an event; it is not a failure. The event holds the key of the message as a UUID. So a refused command with
    /// another key is a permanent failure.
    #[must_use]
    pub fn on_command<M, C>(mut self) -> Self
    where
        M: IntegrationEvent,
        C: Command<Error: From<H::Fault>> + TryFrom<M, Error = Violations>,
        H: CommandHandler<C, PgUow<H>> + Refuse,
    {
        let bus = Arc::clone(&self.bus);
        self.subscriptions.on::<M>(move |message, cause| {
            let bus = Arc::clone(&bus);
            Box::pin(async move { handle_command::<M, C, H>(&bus, message, &cause).await })
        });
        self
    }

    /// Subscribes to the event `M`.
    #[must_use]
    pub fn on_event<M>(mut self) -> Self
    where
        M: IntegrationEvent,
        H: EventHandler<M, PgUow<H>>,
    {
        let bus = Arc::clone(&self.bus);
        self.subscriptions.on::<M>(move |message, cause| {
            let bus = Arc::clone(&bus);
            Box::pin(async move {
                bus.handle_event(message, &cause).await.map_or_else(|fault| outcome(&fault), |()| Outcome::Handled)
            })
        });
        self
    }

    /// Returns the finished subscriptions.
    ///
    /// # Errors
    ///
    /// Types do not fit the records that they read: all of them, each with the field.
    pub fn build(self) -> anyhow::Result<Subscriptions> {
        let misfits: Vec<String> = self.subscriptions.misfits.iter().map(ToString::to_string).collect();
        ensure!(misfits.is_empty(), "{}", misfits.join("; "));
        Ok(self.subscriptions)
    }
}

async fn handle_command<M, C, H>(bus: &PgCommandBus<H>, message: M, cause: &Cause) -> Outcome
where
    M: IntegrationEvent,
    C: Command<Error: From<H::Fault>> + TryFrom<M, Error = Violations>,
    H: PgContext + CommandHandler<C, PgUow<H>> + Refuse,
{
    let key = message.key();
    let (rule, detail) = match C::try_from(message) {
        Err(violations) => (violations.rule(), violations.to_string()),
        Ok(command) => match bus.dispatch(command, cause).await {
            Ok(_) => return Outcome::Handled,
            Err(fault) => match fault.kind() {
                FaultKind::NotFound | FaultKind::Rule | FaultKind::AlreadyExists => {
                    (fault.slug(), client_texts::detail(&fault))
                }
                _ => return outcome(&fault),
            },
        },
    };
    let Ok(id) = key.parse() else {
        return Outcome::Permanent(format!("the command is refused ({rule}), and its key is not a UUID"));
    };
    let command_id = cause.consumed.as_ref().map(|consumed| consumed.id.clone()).unwrap_or_default();
    let command = M::TYPE.rsplit('.').next().unwrap_or(M::TYPE);
    let refusal = Refusal { id, command_id, command, rule, detail, time: SystemClock.now() };
    bus.refuse(refusal, cause).await.map_or_else(|error| outcome(&error), |()| Outcome::Handled)
}

/// Returns the outcome for a message whose handler returned a fault.
fn outcome(fault: &impl Fault) -> Outcome {
    match fault.kind() {
        FaultKind::Duplicate => Outcome::Handled,
        FaultKind::Behind => Outcome::Behind,
        FaultKind::Overloaded | FaultKind::Unavailable | FaultKind::Unknown => Outcome::Unavailable(fault.to_string()),
        FaultKind::ConcurrencyConflict => Outcome::Raced(fault.to_string()),
        FaultKind::NotFound | FaultKind::Rule | FaultKind::AlreadyExists | FaultKind::TimedOut => {
            Outcome::Transient(fault.to_string())
        }
        // A defect may be in another process, or be fixed in the next version, so it is retried like any failure.
        FaultKind::Defect => Outcome::Transient(format!("{fault:?}")),
        FaultKind::TooLarge => Outcome::Permanent(format!("{fault:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{DomainEventHandler, Translate, UnitOfWork},
        infrastructure::{
            postgres::{CommitterSettings, Database, PgUnitOfWorkFactory},
            supervise::Supervisor,
        },
    };
    use serde::{Deserialize, Serialize};
    use std::time::Duration;

    const SETTINGS: CommitterSettings =
        CommitterSettings { deadline: Duration::from_secs(5), handler: Duration::from_secs(5), partition_rows: 1_000 };

    crate::refusal! {
        /// The quantity is negative.
        struct Negative: "not-negative", "negative";
    }

    /// A command as a record, and its refusal.
    #[derive(Clone, Serialize, Deserialize)]
    struct Order {
        quantity: i64,
    }

    impl IntegrationEvent for Order {
        const TYPE: &'static str = "engine.Order";
        const TOPIC: &'static str = "orders";

        fn key(&self) -> String {
            "not a UUID".to_owned()
        }
    }

    impl From<Refusal> for Order {
        fn from(_: Refusal) -> Self {
            Self { quantity: 0 }
        }
    }

    #[derive(Clone)]
    struct PlaceOrder;

    impl TryFrom<Order> for PlaceOrder {
        type Error = Violations;

        fn try_from(order: Order) -> Result<Self, Violations> {
            let mut found = Violations::collect();
            let quantity = found.field("quantity", u32::try_from(order.quantity).map_err(|_| Negative));
            found.check(|| quantity.map(|_| Self))
        }
    }

    impl Command for PlaceOrder {
        const NAME: &'static str = "place-order";
        type Output = ();
        type Error = StorageError;
    }

    enum NoEvent {}

    impl Translate for NoEvent {
        fn translate(&self, _: &mut impl UnitOfWork) {
            match *self {}
        }
    }

    struct Handlers;

    impl Context for Handlers {
        const NAME: &'static str = "engine";
        type Event = NoEvent;
        type Fault = StorageError;
    }

    impl<U: Send> DomainEventHandler<U> for Handlers {}

    impl Refuse for Handlers {
        type RefusalEvent = Order;
    }

    impl<U: Send> CommandHandler<PlaceOrder, U> for Handlers {
        async fn handle(&self, _: PlaceOrder, _: &mut U) -> Result<(), StorageError> {
            Err(StorageError::Overloaded)
        }
    }

    #[tokio::test]
    async fn only_a_refused_command_needs_a_key_that_is_a_uuid() {
        // No database answers there: none is needed.
        let database = Database::new("postgres://nobody@127.0.0.1:1/nowhere", "engine").unwrap();
        let factory = PgUnitOfWorkFactory::start(&database, SETTINGS, &Supervisor::new());
        let bus = PgCommandBus::new(Handlers, factory);
        let outcome =
            async |quantity| handle_command::<_, PlaceOrder, _>(&bus, Order { quantity }, &Cause::new()).await;
        assert!(matches!(outcome(1).await, Outcome::Unavailable(_)), "its handler ran");
        assert!(matches!(outcome(-1).await, Outcome::Permanent(reason) if reason.contains("not-negative")));
    }
}
