//! A load whose outcome can be counted: nothing acknowledged may be lost, reordered or done twice, whatever is killed.

use crate::{
    place::Place,
    sta::{Sta, signal},
};
use eventually::eventually;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet};
use uuid::Uuid;

/// The number of clients.
const CLIENTS: usize = 24;
/// The least number of acknowledgements between two kills.
const BETWEEN: usize = 150;
/// The most ingestas that clients bring through their lives between two kills. Each is compared with the log in the end.
const LIVES: usize = 400;
/// The number of ingestas that are requested at once over the broker.
const COMMANDS: usize = 30;
/// The pause of a client whose server accepts no commands.
const BACK_OFF: Duration = Duration::from_millis(200);
/// The life of an ingesta after its creation: start, alert, start again, finish.
const LIFE: [&str; 4] = ["iniciar-procesamiento", "alertar", "iniciar-procesamiento", "finalizar"];

/// The answers that the clients got.
#[derive(Default)]
pub struct Answers {
    /// The number of acknowledged commands of each ingesta.
    acknowledged: Mutex<BTreeMap<String, u64>>,
    count: AtomicUsize,
    /// The number of answers that the server accepts no commands.
    unavailable: AtomicUsize,
    unexpected: Mutex<Vec<(u16, Value)>>,
}

impl Answers {
    fn acknowledge(&self, id: &str) {
        *lock(&self.acknowledged).entry(id.to_owned()).or_default() += 1;
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a 503. Every other refusal is a defect.
    fn refused(&self, status: u16, answer: Value) {
        match status {
            503 => drop(self.unavailable.fetch_add(1, Ordering::Relaxed)),
            _ => lock(&self.unexpected).push((status, answer)),
        }
    }

    /// The number of answers that a server accepts no commands.
    pub fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients of a server.
pub struct Clients {
    told: Arc<Answers>,
    lives: Arc<Semaphore>,
    running: JoinSet<()>,
}

impl Clients {
    /// Clients that begin when there is [more](Self::more) to do.
    pub fn of(sta: &Arc<Sta>, told: &Arc<Answers>) -> Self {
        let lives = Arc::new(Semaphore::new(0));
        let running = (0..CLIENTS).map(|_| client(Arc::clone(sta), Arc::clone(told), Arc::clone(&lives))).collect();
        Self { told: Arc::clone(told), lives, running }
    }

    /// Gives the clients more to do and waits for more acknowledgements than there can be requests under way: the server is
    /// in the middle of the load.
    pub async fn more(&self) {
        self.lives.add_permits(LIVES.saturating_sub(self.lives.available_permits()));
        let count = || self.told.count.load(Ordering::Relaxed);
        let goal = count() + BETWEEN;
        eventually("the clients are served", || async { (count() >= goal).then_some(()) }).await;
    }

    /// Stops the clients. Each ends with its answer, or when its server is gone.
    pub async fn stop(mut self) {
        self.lives.close();
        while self.running.join_next().await.is_some() {}
    }
}

/// Brings ingestas through their lives until there are no more. A request that fails or has an unknown outcome ends the
/// life: the log decides if it was done.
async fn client(sta: Arc<Sta>, told: Arc<Answers>, lives: Arc<Semaphore>) {
    while let Ok(life) = lives.acquire().await {
        let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
        let Ok((status, answer)) = sta.post("/ingesta/crear-ingesta-comando", &body).await else { return };
        let id = match answer["id"].as_str() {
            Some(id) if status == 202 => id.to_owned(),
            _ => {
                told.refused(status, answer);
                tokio::time::sleep(BACK_OFF).await;
                continue;
            }
        };
        life.forget();
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

/// Compares the state and the log, read through a new server, with the answers.
///
/// # Panics
///
/// They differ.
pub async fn check(place: &Place, told: &Answers) {
    assert_eq!(*lock(&told.unexpected), [], "nothing but 202 and 503 was answered");
    let sta = place.start().await;
    let acknowledged = lock(&told.acknowledged).clone();
    assert!(acknowledged.len() >= CLIENTS, "there was a load");
    relayed(&sta).await;
    let messages = place.published("eventos-ingesta").await;
    let versions = in_order(&messages);
    let (server, versions) = (&sta, &versions);
    let each = futures_util::stream::iter(&acknowledged);
    each.for_each_concurrent(CLIENTS, |(id, acknowledged)| async move {
        let published = versions.get(id).copied().unwrap_or(0);
        assert!(
            published >= *acknowledged,
            "{id}: {acknowledged} commands were acknowledged, {published} events are there"
        );
        let (status, ingesta) = server.get(&format!("/ingesta/consulta-por-id/{id}")).await.expect("it answers");
        assert_eq!(
            (status, ingesta["version"].as_u64()),
            (200, Some(published)),
            "the state of {id} is that of its events"
        );
    })
    .await;
    assert_eq!(sta.stop().await.0, 0);
}

/// Waits until all committed messages are on their topic.
///
/// # Panics
///
/// They are not there in time.
pub async fn relayed(sta: &Sta) {
    eventually("everything is relayed", || async {
        let (_, ready) = sta.get("/health/ready").await.expect("it answers");
        let ingesta = &ready["contexts"]["ingesta"];
        (ingesta["relay"]["cursor"] == ingesta["log"]["last"] && ingesta["log"]["last"] != 0).then_some(())
    })
    .await;
}

/// Asserts that each event is there once, in the order of its key. Returns the last version of each key.
///
/// # Panics
///
/// They are not.
pub fn in_order(messages: &[Value]) -> BTreeMap<String, u64> {
    let header = |message: &Value, name: &str| message["headers"][name].as_str().expect("a header").to_owned();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let (mut numbers, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for message in messages {
        let id = message["key"].as_str().expect("a key").to_owned();
        let version: u64 = header(message, "ce_aggregateversion").parse().expect("a number");
        let last = versions.insert(id.clone(), version).unwrap_or(0);
        assert_eq!(version, last + 1, "the events of {id} are all there, once, in order");
        assert!(numbers.insert(header(message, "ce_sequence").parse::<usize>().expect("a number")), "a number twice");
        assert!(ids.insert(header(message, "ce_id")), "a message twice");
    }
    assert!(numbers.iter().zip(1..).all(|(number, n)| *number == n), "the log has a gap");
    versions
}

/// Sends commands for new ingestas, and for the next step of each, over the broker.
///
/// # Panics
///
/// The command fails.
pub async fn ask(place: &Place) -> Vec<Uuid> {
    let ids: Vec<_> = (0..COMMANDS).map(|_| Uuid::now_v7()).collect();
    let lines = |line: fn(&Uuid) -> String| ids.iter().map(line).collect::<Vec<_>>().join("\n");
    let create = lines(|id| {
        json!({ "id_ingesta": id, "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/1" })
            .to_string()
    });
    place.send("comandos-ingesta", "CrearIngesta", &[], &create).await.expect("it is sent");
    let start = lines(|id| json!({ "id_ingesta": id }).to_string());
    place.send("comandos-ingesta", "IniciarProcesamiento", &[], &start).await.expect("it is sent");
    ids
}

/// Waits until the [requested](ask) commands are handled, each once, and their events published in order.
///
/// # Panics
///
/// It was not.
pub async fn handled(place: &Place, sta: &Sta, asked: &[Uuid]) {
    for id in asked {
        eventually("every command is handled", || async {
            let (_, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.ok()?;
            (ingesta["estado"] == "Pendiente" && ingesta["version"] == 2).then_some(())
        })
        .await;
    }
    let messages = eventually("everything is published", || async {
        let messages = place.published("eventos-ingesta").await;
        let published = messages.iter().filter(|message| message["headers"]["ce_aggregateversion"] == "2").count();
        (published >= asked.len()).then_some(messages)
    })
    .await;
    let mut published: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for message in &messages {
        let text = |name: &str| message["headers"][name].as_str().unwrap_or_default();
        published
            .entry(message["key"].as_str().expect("a key"))
            .or_default()
            .push((text("ce_type"), text("ce_aggregateversion")));
    }
    for id in asked {
        let expected = [("sta.ingesta.v1.IngestaCreada", "1"), ("sta.ingesta.v1.IngestaEnProceso", "2")];
        assert_eq!(published[id.to_string().as_str()], expected, "{id}");
    }
}

/// Kills and freezes either of two servers in turns, each in the middle of a round's work.
///
/// # Panics
///
/// Something is lost, done twice or out of order.
pub async fn kill_and_freeze_either_of_two(place: &Place, rounds: usize) {
    let mut running = [place.start().await, place.start().await];
    let mut asked = Vec::new();
    for round in 0..rounds {
        let victim = round % 2;
        let frozen = round % 4 < 2;
        let pid = running[victim].pid();
        // The victim is in the middle of its work.
        let (ids, ()) = tokio::join!(ask(place), async { signal(pid, if frozen { "STOP" } else { "KILL" }) });
        asked.extend(ids);
        if frozen {
            // The other server continues meanwhile.
            let other = &running[1 - victim];
            let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/2" });
            eventually("the other is served", || async {
                (other.post("/ingesta/crear-ingesta-comando", &body).await.ok()?.0 == 202).then_some(())
            })
            .await;
            signal(pid, "CONT");
        } else {
            running[victim] = place.start().await;
        }
    }
    handled(place, &running[0], &asked).await;
    for sta in running {
        assert_eq!(sta.stop().await.0, 0);
    }
}
