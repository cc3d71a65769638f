//! Unclean ends: the message that kills its process is found, and no other is blamed.

use crate::{
    consuming::send,
    fixture::{END, Fixture, HASTY},
    model::{Changed, Faults, Handlers},
};
use seedwork::{
    application::CommandBus,
    infrastructure::{
        broker::PgBroker,
        consumer::{Consumer, ConsumerState, Subscriptions},
        postgres::{Database, PgUnitOfWorkFactory},
        schema_registry::Registry,
        supervise::Supervisor,
    },
    testing::eventually,
};
use std::{
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};
use tokio::sync::watch;
use uuid::Uuid;

/// One crash starts the trials. In three more, the message was alone in flight.
const CRASHES: i32 = 1 + 3;

fn broker(url: &str) -> PgBroker {
    PgBroker::new(Database::new(url, "broker").unwrap(), 4)
}

/// Starts a consumer that runs until its supervisor stops.
async fn consume(url: &str, faults: Arc<Faults>) -> (Supervisor, watch::Receiver<ConsumerState>) {
    let (supervisor, own) = (Supervisor::new(), Database::new(url, "engine").unwrap());
    let bus = CommandBus::new(Handlers(faults), PgUnitOfWorkFactory::start(&own, HASTY, &supervisor));
    let subscriptions = Subscriptions::builder(Arc::new(bus)).on_event::<Changed>().build().unwrap();
    let registry = Registry::open(Database::new(url, "broker").unwrap()).await.unwrap();
    let state = Consumer::start(own, broker(url), registry, subscriptions, &supervisor);
    (supervisor, state)
}

async fn number(db: &tokio_postgres::Client, query: &str) -> i64 {
    db.query_one(query, &[]).await.unwrap().get(0)
}

/// A process of its own that consumes and is killed with this value.
struct Process(Child);

impl Process {
    /// Starts this test again in a process that may crash.
    fn start(url: &str, killer: Uuid) -> Self {
        let name = "unclean::a_message_that_was_alone_in_flight_in_three_crashes_is_dead_and_others_go_on";
        let mut command = Command::new(std::env::current_exe().unwrap());
        // The harness ignores arguments that name no test.
        command.args([name, "--exact", url, &killer.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    async fn ends(&mut self) -> ExitStatus {
        let ended = std::cell::RefCell::new(&mut self.0);
        eventually("the process ends", || async { ended.borrow_mut().try_wait().unwrap() }).await
    }

    /// The arguments of such a process, if this is one.
    fn is_this() -> Option<(String, Uuid)> {
        let mut arguments = std::env::args().skip_while(|argument| !argument.starts_with("postgres"));
        Some((arguments.next()?, arguments.next()?.parse().ok()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_alone_in_flight_in_three_crashes_is_dead_and_others_go_on() {
    if let Some((url, killer)) = Process::is_this() {
        let faults = Arc::new(Faults::default());
        faults.killing.lock().unwrap().insert(killer);
        let _consumer = consume(&url, faults).await;
        return std::future::pending().await;
    }
    let fixture = Fixture::open().await;
    let (url, killer) = (fixture.database.url(), Uuid::now_v7());
    let mut ids: Vec<Uuid> = (0..40).map(|_| Uuid::now_v7()).collect();
    ids.insert(20, killer);
    send(&fixture, &ids, 1, 5).await;
    let db = fixture.look().await;
    for crash in 1..=CRASHES {
        let status = Process::start(url, killer).ends().await;
        assert!(status.code().is_none(), "crash {crash}: the process was not ended by a signal but by {status}");
        // The lease of the crashed process ends.
        db.batch_execute("DELETE FROM broker.leases; DELETE FROM broker.members").await.unwrap();
    }
    let _process = Process::start(url, killer);
    eventually("the message and its successors are parked", || async {
        (number(&db, "SELECT count(*) FROM parked").await == 5).then_some(())
    })
    .await;
    let parked = db.query("SELECT dead, reason FROM parked ORDER BY n", &[]).await.unwrap();
    let dead: Vec<bool> = parked.iter().map(|row| row.get(0)).collect();
    assert_eq!(dead, [true, false, false, false, false], "only the first message must be dead");
    let reason: &str = parked[0].get(1);
    assert_eq!(reason, "the process crashed 3 times while only it was in flight");
    eventually("all other messages have their effect", || async {
        (number(&db, "SELECT count(*) FROM accounts WHERE balance = 5").await == 40).then_some(())
    })
    .await;
    assert_eq!(fixture.balance(killer.into()).await, None);
    let marked = "SELECT count(*) FROM processes WHERE topic IS NOT NULL";
    eventually("no message is marked any more", || async { (number(&db, marked).await == 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_runs_or_ended_in_order_is_no_crash() {
    let fixture = Fixture::open().await;
    let (url, id) = (fixture.database.url(), Uuid::now_v7());
    let db = fixture.look().await;
    send(&fixture, &[id], 1, 3).await;
    let (one, _) = consume(url, Arc::default()).await;
    eventually("all messages have their effect", || async {
        (fixture.balance(id.into()).await == Some(3)).then_some(())
    })
    .await;
    let (other, mut state) = consume(url, Arc::default()).await;
    state.wait_for(|state| state.partitions == 2).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM processes").await, 2);
    assert!(other.stop(END).await);
    assert!(one.stop(END).await);
    assert_eq!(number(&db, "SELECT count(*) FROM processes").await, 0);
    let (again, mut state) = consume(url, Arc::default()).await;
    state.wait_for(|state| state.partitions == 4).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM at_risk").await, 0, "a message is tried alone after an orderly end");
    assert!(again.stop(END).await);
}
