//! The full stack without Docker for tests: PostgreSQL, Kafka and a schema registry, on ports of their own.

use crate::{sta::signal, topics::Topics};
use eventually::eventually;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    ops::Deref,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio_postgres::NoTls;
use uuid::Uuid;

/// A service of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The database of STA and of the registry.
    Postgres,
    /// The broker: one node.
    Kafka,
    /// The schema registry, whose data is in PostgreSQL.
    Registry,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::Kafka, Self::Registry];

    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Registry => "registry",
        }
    }
}

/// A running stack. It is taken down and deleted with this value, or when the process of the test ends in any way.
pub struct Stack {
    // The script runs as long as its standard input is open.
    run: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
    sasl: Vec<(String, String)>,
}

impl Stack {
    /// Brings a stack up and waits until all services are ready. The first run on a machine downloads them.
    ///
    /// # Panics
    ///
    /// The stack does not come up. The reason is on stderr.
    pub async fn up() -> Self {
        tokio::task::spawn_blocking(Self::up_now).await.expect("the stack comes up")
    }

    fn up_now() -> Self {
        // PostgreSQL may run as another account, which must be able to enter the folder.
        let open = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("sta-stack-").permissions(open).tempdir().expect("a folder");
        let mut run = script(folder.path());
        run.args(["run", "--free-ports", "--wipe"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut run = run.spawn().expect("python3 runs");
        let mut printed = String::new();
        BufReader::new(run.stdout.take().expect("stdout is a pipe")).read_line(&mut printed).expect("stdout is text");
        assert!(printed.starts_with("the stack is up"), "the stack did not come up; see stderr");
        let (settings, sasl) = (settings(folder.path(), &[]), settings(folder.path(), &["--sasl"]));
        Self { run, folder, settings, sasl }
    }

    /// The settings of `sta-api` for this stack: `DATABASE_URL`, `KAFKA_BROKERS`, `SCHEMA_REGISTRY_URL`.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// The settings for Kafka's listener with SASL and TLS.
    pub fn sasl_settings(&self) -> Vec<(&str, &str)> {
        self.sasl.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// One of [`Stack::settings`].
    ///
    /// # Panics
    ///
    /// There is no such setting.
    pub fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value).expect("a setting of the stack")
    }

    /// Kills a service with SIGKILL and waits until it is gone.
    ///
    /// # Panics
    ///
    /// It cannot be killed.
    pub async fn kill(&self, service: Service) {
        self.order("kill", service).await;
    }

    /// Stops a service in order.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub async fn stop(&self, service: Service) {
        self.order("stop", service).await;
    }

    /// Starts a service and waits until it is ready.
    ///
    /// # Panics
    ///
    /// It does not become ready.
    pub async fn start(&self, service: Service) {
        self.order("start", service).await;
    }

    /// The pid of a service.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub async fn pid(&self, service: Service) -> u32 {
        self.order("pid", service).await.trim().parse().expect("a pid")
    }

    /// Sends SIGTERM to the script again and again until it has ended.
    pub async fn interrupt(&mut self) {
        let run = &mut self.run;
        eventually("the stack is taken down", || {
            signal(run.id(), "TERM");
            let ended = run.try_wait().expect("it is a child");
            async move { ended.map(drop) }
        })
        .await;
    }

    /// The topics of its Kafka.
    pub fn topics(&self) -> Topics {
        Topics::of(self.setting("KAFKA_BROKERS"))
    }

    /// Deletes everything from the registry.
    ///
    /// # Panics
    ///
    /// It does not end, or does not start again.
    pub async fn empty_registry(&self) {
        self.stop(Service::Registry).await;
        let (server, _) = self.setting("DATABASE_URL").rsplit_once('/').expect("the name of a database");
        let url = format!("{}/registry", server.replace("sta:sta@", "registry:registry@"));
        administer(&url, "DROP OWNED BY registry").await;
        self.start(Service::Registry).await;
    }

    /// Starts the services that do not run and waits until all are ready.
    async fn mend(&self) {
        let mut script = script(self.folder.path());
        script.arg("up");
        tokio::task::spawn_blocking(move || answer(script)).await.expect("all is up");
    }

    async fn order(&self, order: &'static str, service: Service) -> String {
        let mut script = script(self.folder.path());
        script.args([order, service.name()]);
        tokio::task::spawn_blocking(move || answer(script)).await.expect("the order is carried out")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.run.stdin.take());
        let _ = self.run.wait();
    }
}

/// The stack that the tests of this binary share. The first test brings it up, and it ends with the process.
static SHARED: OnceCell<Stack> = OnceCell::const_new();
/// Tests take turns: topics have fixed names, and some tests kill services.
static TURNS: Mutex<()> = Mutex::const_new(());

/// A test's turn on the shared stack: all services run, there are no topics, and the database is new.
pub struct Turn {
    stack: &'static Stack,
    database: String,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits for the turn.
    ///
    /// # Panics
    ///
    /// The stack does not come up.
    pub async fn wait() -> Self {
        let turn = TURNS.lock().await;
        let stack = SHARED.get_or_init(Stack::up).await;
        // The last test may have killed services and failed.
        stack.mend().await;
        let topics = stack.topics();
        topics.limit_rate(None).await;
        eventually("the topics of the last test are gone", || async {
            let old = topics.names().await;
            let old: Vec<&str> = old.iter().map(|name| &**name).collect();
            if !old.is_empty() {
                topics.delete(&old).await;
            }
            old.is_empty().then_some(())
        })
        .await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        administer(stack.setting("DATABASE_URL"), &format!("CREATE DATABASE {name}")).await;
        let (server, _) = stack.setting("DATABASE_URL").rsplit_once('/').expect("the name of a database");
        Self { stack, database: format!("{server}/{name}"), _turn: turn }
    }

    /// The settings of `sta-api` for this turn.
    pub fn settings(&self) -> Vec<(String, String)> {
        let here = |(name, value): (&str, &str)| match name {
            "DATABASE_URL" => (name.to_owned(), self.database.clone()),
            _ => (name.to_owned(), value.to_owned()),
        };
        self.stack.settings().into_iter().map(here).collect()
    }

    /// Runs a query in the database of this turn. Returns its first column as text.
    ///
    /// # Panics
    ///
    /// It fails.
    pub async fn ask(&self, query: &str) -> Vec<String> {
        administer(&self.database, query).await
    }
}

impl Deref for Turn {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        self.stack
    }
}

/// Runs statements and returns the first column of their rows.
#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
async fn administer(url: &str, statements: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    let answers = client.simple_query(statements).await.expect("the statement succeeds");
    let first = |answer: tokio_postgres::SimpleQueryMessage| match answer {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    answers.into_iter().filter_map(first).collect()
}

fn script(folder: &Path) -> Command {
    let mut script = Command::new(root().join("deploy/native/stack"));
    script.arg("--dir").arg(folder);
    script
}

fn settings(folder: &Path, options: &[&str]) -> Vec<(String, String)> {
    let mut script = script(folder);
    script.arg("env").args(options);
    let lines = answer(script);
    let pairs = lines.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Runs a program and returns its standard output.
///
/// # Panics
///
/// It fails.
pub(crate) fn answer(mut program: Command) -> String {
    let ran = program.output().expect("the program runs");
    assert!(ran.status.success(), "{program:?} failed:\n{}", String::from_utf8_lossy(&ran.stderr));
    // Warnings, such as a service that needed a second try.
    std::io::stderr().write_all(&ran.stderr).expect("stderr is open");
    String::from_utf8(ran.stdout).expect("it prints UTF-8")
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}
