//! Sets of aggregates: found under their lanes, and reacted to in as many units of work as needed.

use crate::{
    fixture::Fixture,
    model::{Account, AccountId, Deposit, Event, Handlers, OpenUnpublished, Uow},
    tables::accounts,
};
use diesel::{ExpressionMethods, QueryDsl, QueryResult};
use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;
use seedwork::{
    application::{
        Cause, Command, CommandHandler, Committed, Context, DomainEventHandler, EventHandler, Find, IntegrationEvent,
        MessageIdentity, REACTION_BATCH, RecordedEvents, Save, StorageError, UnitOfWorkFactory,
    },
    domain::{Recorded, Specification},
    infrastructure::postgres::FindIds,
    testing::{FakeUnitOfWorkFactory, World},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// The accounts that have this balance.
#[derive(Debug, Clone, Copy)]
struct WithBalance(i64);

impl Specification for WithBalance {
    type Of = Account;

    fn is_satisfied_by(&self, account: &Account) -> bool {
        account.balance == self.0
    }
}

impl FindIds for WithBalance {
    // Imported here only: the trait would shadow `execute` of a plain client.
    async fn ids(&self, most: i64, db: &mut AsyncPgConnection) -> QueryResult<Vec<Uuid>> {
        use diesel_async::RunQueryDsl;
        accounts::table.filter(accounts::balance.eq(self.0)).select(accounts::id).limit(most).load(db).await
    }
}

/// The accounts with this balance are to be emptied.
#[derive(Debug, Clone, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "test.v1.BalanceCleared", topic = "events-test", key = id)]
struct BalanceCleared {
    id: Uuid,
    balance: i64,
}

/// Empties the accounts. An injected failure comes with the last part.
impl EventHandler<BalanceCleared, Uow> for Handlers {
    async fn handle(&self, event: BalanceCleared, uow: &mut Uow) -> Result<(), StorageError> {
        let accounts = uow.find(WithBalance(event.balance)).await?;
        if accounts.len() < REACTION_BATCH && self.0.failing.lock().unwrap().contains(&event.id) {
            return Err(StorageError::Unique("failing".into()));
        }
        for mut account in accounts {
            account.balance = 0;
            account.events.record(Event::Account(account.id.into(), account.events.next_version()));
            uow.save(account);
        }
        Ok(())
    }
}

/// Counts the accounts with this balance: a command has only one unit of work.
#[derive(Debug, Clone)]
struct ClearBalance(i64);

impl Command for ClearBalance {
    const NAME: &'static str = "clear-balance";
    type Output = usize;
    type Error = StorageError;
}

impl CommandHandler<ClearBalance, Uow> for Handlers {
    async fn handle(&self, command: ClearBalance, uow: &mut Uow) -> Result<usize, StorageError> {
        Ok(uow.find(WithBalance(command.0)).await?.len())
    }
}

/// Handlers that find the set and change nothing.
#[derive(Clone)]
struct ReadOnlyHandlers;

impl Context for ReadOnlyHandlers {
    const NAME: &'static str = "read-only";
    type Event = Event;
    type Fault = StorageError;
}

impl<U: Send> DomainEventHandler<U> for ReadOnlyHandlers {}

impl<U: Find<WithBalance>> EventHandler<BalanceCleared, U> for ReadOnlyHandlers {
    async fn handle(&self, event: BalanceCleared, uow: &mut U) -> Result<(), StorageError> {
        uow.find(WithBalance(event.balance)).await.map(drop)
    }
}

fn with_balance(balance: i64) -> Account {
    let (id, mut events) = (AccountId::new(), Recorded::new());
    events.record(Event::Internal);
    Account { id, email: id.to_string(), balance, events }
}

async fn finds<S>(factory: &S)
where
    S: UnitOfWorkFactory<Uow: Find<WithBalance> + Save<Account> + RecordedEvents<Event>>,
{
    let cause = Cause::new();
    let commit = async |accounts: &[Account]| {
        let mut uow = factory.begin(&cause);
        accounts.iter().cloned().for_each(|account| uow.save(account));
        assert_eq!(factory.commit(uow).await, Ok(Committed));
    };
    let ids = |accounts: &[Account]| accounts.iter().map(|account| account.id).collect::<Vec<_>>();
    let (accounts, others) = ([with_balance(7), with_balance(7), with_balance(7)], [with_balance(8)]);
    commit(&[accounts[2].clone(), accounts[0].clone(), accounts[1].clone()]).await;
    commit(&others).await;
    // All members are found, ordered by id, and nothing else.
    let mut uow = factory.begin(&cause);
    let found = uow.find(WithBalance(7)).await.unwrap();
    assert_eq!(ids(&found), ids(&accounts));
    assert!(uow.find(WithBalance(9)).await.unwrap().is_empty());
    // The unit sees its own changes: a saved aggregate joins or leaves the set.
    let [mut gone, stays, ..] = <[Account; 3]>::try_from(found).unwrap();
    gone.balance = 0;
    gone.events.record(Event::Internal);
    uow.save(gone);
    let new = with_balance(7);
    uow.save(new.clone());
    assert_eq!(ids(&uow.find(WithBalance(7)).await.unwrap()), [stays.id, accounts[2].id, new.id]);
    drop(uow);
    // A unit gets a bounded part and knows if there is more.
    commit(&(0..REACTION_BATCH - 3).map(|_| with_balance(7)).collect::<Vec<_>>()).await;
    let mut uow = factory.begin(&cause);
    assert_eq!((uow.find(WithBalance(7)).await.unwrap().len(), uow.has_more()), (REACTION_BATCH, false));
    drop(uow);
    commit(&[with_balance(7)]).await;
    let mut uow = factory.begin(&cause);
    assert_eq!((uow.find(WithBalance(7)).await.unwrap().len(), uow.has_more()), (REACTION_BATCH, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_finds_the_aggregates_that_satisfy_a_specification() {
    finds(&FakeUnitOfWorkFactory::<Event>::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_finds_the_aggregates_that_satisfy_a_specification() {
    finds(Fixture::open().await.bus.factory()).await;
}

async fn open(fixture: &Fixture, count: i32, balance: i64) {
    let insert = "INSERT INTO accounts SELECT id, id::text, $2, 1 FROM (SELECT gen_random_uuid() AS id \
                  FROM generate_series(1, $1)) AS ids";
    fixture.look().await.execute(insert, &[&count, &balance]).await.unwrap();
}

async fn count(fixture: &Fixture, what: &str) -> i64 {
    fixture.look().await.query_one(&format!("SELECT count({what}"), &[]).await.unwrap().get(0)
}

/// The number of accounts with this balance.
async fn left(fixture: &Fixture, balance: i64) -> i64 {
    count(fixture, &format!("*) FROM accounts WHERE balance = {balance}")).await
}

fn balance_cleared() -> BalanceCleared {
    BalanceCleared { id: Uuid::now_v7(), balance: 7 }
}

fn heard(event: &BalanceCleared, parked: Option<i64>) -> Cause {
    let (id, key) = (event.id.to_string(), Some(event.id.to_string().into_bytes()));
    let topic = BalanceCleared::TOPIC.into();
    let heard = MessageIdentity { source: "/test".into(), id, topic, partition: 0, key, parked };
    Cause { consumed: Some(Arc::new(heard)), ..Cause::new() }
}

const CLAIMED: &str = "*) FROM inbox WHERE source = '/test' AND state = 'applied'";

/// Parks a message as the consumer does. Returns its number.
async fn park(fixture: &Fixture, event: &BalanceCleared) -> i64 {
    // The first commit makes the partitions of the inbox.
    fixture.give(OpenUnpublished { id: AccountId::new(), email: Uuid::now_v7().to_string() }).await.unwrap();
    let id = event.id.to_string();
    let db = fixture.look().await;
    db.execute("INSERT INTO inbox VALUES ('/test', $1, now(), 'parked')", &[&id]).await.unwrap();
    let insert = "INSERT INTO parked (source, id, topic, key, partition, \"offset\", headers, tries, due_at, dead, reason, \
                  parked_at) VALUES ('/test', $1, $2, $3, 0, 0, '[]', 0, now(), false, '', now()) RETURNING n";
    db.query_one(insert, &[&id, &BalanceCleared::TOPIC, &id.as_bytes()]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_reaction_takes_several_units_and_claims_its_message_with_the_last() {
    let fixture = Fixture::open().await;
    open(&fixture, 250, 7).await;
    open(&fixture, 1, 8).await;
    let event = balance_cleared();
    fixture.bus.handle_event(event.clone(), &heard(&event, None)).await.unwrap();
    assert_eq!((left(&fixture, 7).await, left(&fixture, 0).await, left(&fixture, 8).await), (0, 250, 1));
    assert_eq!(count(&fixture, "DISTINCT xmin::text) FROM accounts WHERE balance = 0").await, 3);
    assert_eq!((fixture.log().await.len(), count(&fixture, CLAIMED).await), (250, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_consumed_before_has_no_effect_in_one_batch_or_in_many() {
    let fixture = Fixture::open().await;
    let (event, behind) = (balance_cleared(), balance_cleared());
    open(&fixture, 5, 7).await;
    fixture.bus.handle_event(event.clone(), &heard(&event, None)).await.unwrap();
    park(&fixture, &behind).await;
    for more in [5, 200] {
        open(&fixture, more, 7).await;
        let again = fixture.bus.handle_event(event.clone(), &heard(&event, None)).await;
        assert_eq!(again, Err(StorageError::Duplicate));
    }
    // Another message of the key waits behind the parked one.
    let Cause { consumed: waiting, .. } = heard(&behind, None);
    let waiting = MessageIdentity { id: "another".into(), ..Arc::unwrap_or_clone(waiting.unwrap()) };
    let cause = Cause { consumed: Some(Arc::new(waiting)), ..Cause::new() };
    assert_eq!(fixture.bus.handle_event(behind, &cause).await, Err(StorageError::Behind));
    assert_eq!((left(&fixture, 7).await, fixture.log().await.len()), (205, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_that_fails_half_way_goes_on_with_the_rest() {
    let fixture = Fixture::open().await;
    open(&fixture, 250, 7).await;
    let event = balance_cleared();
    let handlers = Handlers::default();
    handlers.0.failing.lock().unwrap().insert(event.id);
    let bus = fixture.another_bus_with(handlers.clone());
    bus.handle_event(event.clone(), &heard(&event, None)).await.unwrap_err();
    assert_eq!((left(&fixture, 7).await, count(&fixture, CLAIMED).await), (50, 0));
    handlers.0.failing.lock().unwrap().clear();
    bus.handle_event(event.clone(), &heard(&event, None)).await.unwrap();
    assert_eq!((left(&fixture, 7).await, count(&fixture, CLAIMED).await), (0, 1));
    assert_eq!(fixture.log().await.len(), 250, "an account was emptied twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_stays_parked_until_the_last_unit() {
    let fixture = Fixture::open().await;
    open(&fixture, 150, 7).await;
    let event = balance_cleared();
    let handlers = Handlers::default();
    handlers.0.failing.lock().unwrap().insert(event.id);
    let bus = fixture.another_bus_with(handlers.clone());
    let n = park(&fixture, &event).await;
    bus.handle_event(event.clone(), &heard(&event, Some(n))).await.unwrap_err();
    assert_eq!((left(&fixture, 7).await, count(&fixture, "*) FROM parked").await), (50, 1));
    handlers.0.failing.lock().unwrap().clear();
    bus.handle_event(event.clone(), &heard(&event, Some(n))).await.unwrap();
    assert_eq!(
        (left(&fixture, 7).await, count(&fixture, "*) FROM parked").await, count(&fixture, CLAIMED).await),
        (0, 0, 1)
    );
    // A process that takes the message for parked has no effect.
    open(&fixture, 150, 7).await;
    assert_eq!(bus.handle_event(event.clone(), &heard(&event, Some(n))).await, Err(StorageError::Duplicate));
    assert_eq!(left(&fixture, 7).await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_the_members_meanwhile_are_before_or_after_and_nothing_waits_for_ever() {
    let fixture = Fixture::open().await;
    open(&fixture, 150, 7).await;
    let rows = fixture.look().await.query("SELECT id FROM accounts", &[]).await.unwrap();
    let ids: Vec<AccountId> = rows.iter().map(|row| row.get::<_, Uuid>(0).into()).collect();
    let (event, again) = (balance_cleared(), balance_cleared());
    let (first, second) = (heard(&event, None), heard(&again, None));
    let paid = join_all(ids.iter().map(|id| fixture.give(Deposit { id: *id })));
    let emptied = join_all([fixture.bus.handle_event(event, &first), fixture.bus.handle_event(again, &second)]);
    let (paid, emptied) = futures_util::future::join(paid, emptied).await;
    assert!(paid.into_iter().chain(emptied).all(|outcome| outcome == Ok(())));
    assert_eq!(
        left(&fixture, 8).await + left(&fixture, 1).await,
        150,
        "an account was neither paid nor emptied and then paid"
    );
    assert_eq!(count(&fixture, "*) FROM accounts WHERE version <> CASE balance WHEN 8 THEN 2 ELSE 3 END").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_one_unit_only() {
    let fixture = Fixture::open().await;
    open(&fixture, 100, 7).await;
    assert_eq!(fixture.bus.dispatch(ClearBalance(7), &Cause::new()).await, Ok(100));
    open(&fixture, 1, 7).await;
    let refused = fixture.bus.dispatch(ClearBalance(7), &Cause::new()).await;
    assert!(matches!(refused, Err(StorageError::Defect(_))), "{refused:?}");
}

#[tokio::test]
#[should_panic(expected = "the step was refused: Defect(")]
async fn a_batched_reaction_that_changes_nothing_ends() {
    let world = (0..=REACTION_BATCH).map(|_| with_balance(7)).fold(World::new(ReadOnlyHandlers), World::given);
    world.when_event(balance_cleared()).await.then_published_nothing();
}
