//! The kit of these tests: a place for a data directory, queries, and processes that use a server.

use std::{
    fs,
    future::ready,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use eventually::eventually;
use local_postgres::{LocalPostgres, Settings};
use nix::{sys::signal::Signal, unistd::Pid};

/// A time longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The variable that passes the data directory to a process that uses the server.
const DIR_VARIABLE: &str = "LOCAL_POSTGRES_TEST_DIR";

/// A folder that is deleted with this value. A server that a failed test left running is stopped.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("pg").tempdir().expect("a temporary folder can be made");
        // For root, another user runs the server and must be able to pass.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self { dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("it exists")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { deadline: DEADLINE, ..Settings::new(self.data_dir()) }
    }

    pub(crate) async fn start(&self) -> LocalPostgres {
        LocalPostgres::start(self.settings()).await.expect("the server starts")
    }

    /// The pid of the running server, from its pid file.
    pub(crate) fn postmaster(&self) -> Option<i32> {
        postmaster_of(&self.data_dir())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster().filter(|pid| is_alive(*pid)) {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if command.contains(&*self.data_dir().to_string_lossy()) {
                signal(pid, Signal::SIGQUIT);
                // A drop cannot await.
                let killed = Instant::now();
                while is_alive(pid) && killed.elapsed() < DEADLINE {
                    std::thread::yield_now();
                }
            }
        }
    }
}

pub(crate) fn postmaster_of(data_dir: &Path) -> Option<i32> {
    fs::read_to_string(data_dir.join("postgres/postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

/// The first column of the first row, as text.
pub(crate) async fn query(url: &str, sql: &str) -> String {
    let rows = client(url).await.simple_query(sql).await.expect("the statement is right");
    let first = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    first.unwrap_or_default().to_owned()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    nix::sys::signal::kill(Pid::from_raw(pid), signal).expect("the process is there");
}

/// Returns true if the process exists and has not ended. A zombie has ended.
pub(crate) fn is_alive(pid: i32) -> bool {
    if cfg!(target_os = "linux") {
        return fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty());
    }
    nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok()
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    eventually(what, move || ready(condition().then_some(())))
}

/// A process that starts or attaches, and leaves on demand.
pub(crate) struct User {
    process: Child,
}

impl User {
    /// Spawns the process. `url` waits for the server.
    pub(crate) fn spawn(data_dir: &Path) -> Self {
        Self::spawn_with(data_dir, Command::new(std::env::current_exe().expect("a test runs from a file")))
    }

    pub(crate) fn spawn_with(data_dir: &Path, mut command: Command) -> Self {
        let process = command
            .args(["--exact", "support::a_process_that_uses_a_server", "--ignored", "--nocapture"])
            .env(DIR_VARIABLE, data_dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test program can be run again");
        Self { process }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id().try_into().expect("pids are small")
    }

    /// The server's address as the process sees it, once the server is up.
    pub(crate) fn url(&mut self) -> String {
        let stdout = self.process.stdout.as_mut().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.find(|line| line.starts_with("postgres://")).expect("the process tells the server's address")
    }

    /// Lets the process leave and waits for its end.
    pub(crate) fn leave(mut self) {
        drop(self.process.stdin.take());
        // The last output must be read, or the process blocks.
        let mut rest = self.process.stdout.take().expect("it is piped");
        std::io::copy(&mut rest, &mut std::io::sink()).expect("it can be read");
        assert!(self.process.wait().expect("it is a child").success());
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it is a child");
        self.process.wait().expect("it is a child");
    }
}

/// Runs a process that cannot use the server of a directory. Returns its output.
pub(crate) fn refusal(data_dir: &Path, mut command: Command) -> String {
    let output = command
        .args(["--exact", "support::a_process_that_uses_a_server", "--ignored", "--nocapture"])
        .env(DIR_VARIABLE, data_dir)
        .stdin(Stdio::null())
        .output()
        .expect("the test program can be run again");
    assert!(!output.status.success());
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

/// Runs a process that attaches to the server of a directory, uses up its descriptors and checks the server again.
pub(crate) fn without_descriptors(data_dir: &Path) -> Output {
    let program = std::env::current_exe().expect("a test runs from a file");
    Command::new("sh")
        .args(["-c", r#"ulimit -n 100 && exec "$0" "$@""#])
        .arg(program)
        .args(["--exact", "support::a_process_that_uses_up_its_descriptors", "--ignored", "--nocapture"])
        .env(DIR_VARIABLE, data_dir)
        .stdin(Stdio::null())
        .output()
        .expect("the test program can be run again")
}

#[tokio::test]
#[ignore = "not a test: other tests run it as a process of its own"]
async fn a_process_that_uses_up_its_descriptors() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let postgres = LocalPostgres::start(Settings::new(dir)).await.unwrap();
    let socket = postgres.data_dir().join("run/.s.PGSQL.5432");
    assert!(fs::exists(&socket).unwrap());
    let mut outcomes = Vec::new();
    for free in 0..4 {
        let mut open = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            open.push(file);
        }
        open.truncate(open.len() - free);
        outcomes.push(postgres.ensure_running().await.map_err(|error| error.to_string()));
        drop(open);
        assert!(fs::exists(&socket).unwrap(), "with {free} free descriptors: {outcomes:?}");
    }
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!((1..4).contains(&failed), "the first have too few, the last enough: {outcomes:?}");
    postgres.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "not a test: other tests run it as a process of its own"]
async fn a_process_that_uses_a_server() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let postgres = LocalPostgres::start(Settings::new(dir)).await.unwrap();
    writeln!(std::io::stdout(), "\n{}", postgres.url()).unwrap();
    let told_to_leave = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    tokio::select! {
        never = postgres.keep_alive() => match never {},
        // The default behaviour, which the parent of the tests may have switched off.
        _ = tokio::signal::ctrl_c() => std::process::exit(130),
        _ = told_to_leave => {}
    }
    postgres.stop().await.unwrap();
}
