//! Kill and recover: whatever is killed, nothing that was acknowledged is lost, reordered or said twice.

use serde_json::{Value, json};
use sta_tests::sta::{Sta, eventually, signal, tail};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::task::JoinSet;

/// How often the process is killed.
const KILLS: usize = 20;
/// How often its PostgreSQL is killed.
const POSTGRES_KILLS: usize = 5;
/// How many clients there are.
const CLIENTS: usize = 24;
/// How many acknowledgements there are between two kills, at least.
const BETWEEN: usize = 150;

/// What the clients were told: of each ingesta, how many of its commands were acknowledged and which may have been.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<BTreeMap<String, u64>>,
    count: AtomicUsize,
    unexpected: Mutex<Vec<(u16, Value)>>,
}

/// The life of an ingesta, as far as a client can bring it: create, start, alert, start again, finish.
const LIFE: [&str; 4] = ["iniciar-procesamiento", "alertar", "iniciar-procesamiento", "finalizar"];

/// One client: brings ingestas through their lives until it is told to stop. A request that fails because the server is
/// gone, or says that it does not know, ends the life: whether it was done is for the log to say.
async fn client(sta: Arc<Sta>, told: Arc<Told>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
        let Ok((status, answer)) = sta.post("/ingesta/crear-ingesta-comando", &body).await else { return };
        if status != 202 {
            told.refused(status, answer);
            tokio::task::yield_now().await;
            continue;
        }
        let id = answer["id"].as_str().expect("the answer has the id").to_owned();
        told.acknowledge(&id);
        for step in LIFE {
            let body = json!({ "id_ingesta": id, "motivo": "porque si" });
            match sta.post(&format!("/ingesta/{step}-ingesta-comando"), &body).await {
                Ok((202, _)) => told.acknowledge(&id),
                Ok((status, answer)) => {
                    told.refused(status, answer);
                    break;
                }
                Err(_) => return,
            }
        }
    }
}

impl Told {
    fn acknowledge(&self, id: &str) {
        *self.acknowledged.lock().unwrap().entry(id.to_owned()).or_default() += 1;
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// A server whose database is gone says so; anything else is a defect.
    fn refused(&self, status: u16, answer: Value) {
        if status != 503 {
            self.unexpected.lock().unwrap().push((status, answer));
        }
    }

    /// Waits for so many further acknowledgements: more than can be under way, so the server was there meanwhile.
    async fn further(&self, acknowledgements: usize) {
        let goal = self.count.load(Ordering::Relaxed) + acknowledgements;
        eventually("the clients are served", || async { (self.count.load(Ordering::Relaxed) >= goal).then_some(()) })
            .await;
    }
}

/// Starts clients of a server; they end when the server is gone, or when the flag is set.
fn clients(sta: &Arc<Sta>, told: &Arc<Told>, stop: &Arc<AtomicBool>) -> JoinSet<()> {
    (0..CLIENTS).map(|_| client(Arc::clone(sta), Arc::clone(told), Arc::clone(stop))).collect()
}

/// Holds what is there against what was told.
async fn check(home: &Path, told: &Told) {
    assert_eq!(*told.unexpected.lock().unwrap(), [], "nothing but 202 and 503 was answered");
    let sta = Sta::start(home, &[]).await;
    let acknowledged = told.acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > KILLS, "there was a load");
    // Everything that is committed is on the topic, once, as soon as the relay has come to its end.
    let messages = eventually("everything is relayed", || async {
        let (_, ready) = sta.get("/health/ready").await.expect("it answers");
        let ingesta = &ready["contexts"]["ingesta"];
        (ingesta["relay"]["cursor"] == ingesta["log"]["last"] && ingesta["log"]["last"] != 0).then_some(())
    });
    messages.await;
    let messages = tail(home, "eventos-ingesta").await;
    let header =
        |message: &Value, name: &str| message["headers"][name].as_str().expect("the header is there").to_owned();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for message in &messages {
        let id = message["key"].as_str().expect("a key").to_owned();
        let version: u64 = header(message, "ce_aggregateversion").parse().expect("a number");
        let last = versions.insert(id.clone(), version).unwrap_or(0);
        assert_eq!(version, last + 1, "the events of {id} are all there, once, in order");
        assert!(numbers.insert(header(message, "ce_sequence").parse::<usize>().expect("a number")), "a number twice");
        assert!(ids.insert(header(message, "ce_id")), "a message twice");
    }
    assert!(numbers.iter().zip(1..).all(|(number, n)| *number == n), "the log has a gap");
    for (id, acknowledged) in &acknowledged {
        let said = versions.get(id).copied().unwrap_or(0);
        assert!(said >= *acknowledged, "{id}: {acknowledged} commands were acknowledged, {said} events are there");
        let (status, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.expect("it answers");
        assert_eq!((status, ingesta["version"].as_u64()), (200, Some(said)), "the state of {id} is that of its events");
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_server_under_load_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let told = Arc::new(Told::default());
    for _ in 0..KILLS {
        let sta = Arc::new(Sta::start(home.path(), &[]).await);
        let mut clients = clients(&sta, &told, &Arc::default());
        told.further(BETWEEN).await;
        signal(sta.pid(), "KILL");
        while clients.join_next().await.is_some() {}
    }
    check(home.path(), &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_postgresql_under_load_loses_nothing_and_the_server_recovers_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let told = Arc::new(Told::default());
    let stop = Arc::new(AtomicBool::new(false));
    let sta = Arc::new(Sta::start(home.path(), &[]).await);
    let mut clients = clients(&sta, &told, &stop);
    for _ in 0..POSTGRES_KILLS {
        told.further(BETWEEN).await;
        signal(sta.postgres_pid().expect("PostgreSQL runs"), "KILL");
    }
    told.further(BETWEEN).await;
    stop.store(true, Ordering::Relaxed);
    while clients.join_next().await.is_some() {}
    let sta = Arc::into_inner(sta).expect("nobody else has it");
    assert_eq!(sta.stop().await.0, 0);
    check(home.path(), &told).await;
}
