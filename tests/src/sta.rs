//! The real binary as a process that a test calls, stops and kills.

use eventually::eventually;
use serde_json::Value;
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdout},
};

/// The time that anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The path of the binary. It is built once, with the features of the whole workspace, so that nothing compiles twice.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("Cargo.toml");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--bins", "--message-format=json", "--manifest-path"])
            .arg(manifest)
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "sta-api is not built");
        let messages = String::from_utf8(built.stdout).expect("cargo speaks UTF-8");
        let made = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut executable = made.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        as_built(&executable.next_back().expect("cargo tells where it put the binary"))
    })
}

/// The same file under a name that no other build replaces while tests run it.
fn as_built(binary: &Path) -> PathBuf {
    let inode = |path: &Path| path.metadata().map(|file| file.ino()).ok();
    let deps = binary.with_file_name("deps").read_dir().expect("cargo's folder of what it built");
    let mut files = deps.filter_map(|file| Some(file.ok()?.path()));
    files.find(|file| inode(file) == inode(binary)).unwrap_or_else(|| binary.to_owned())
}

/// A running `sta-api serve`.
pub struct Sta {
    child: Child,
    address: String,
    home: PathBuf,
    // Kept open: closing it would break the process's pipe.
    _stdout: tokio::io::Lines<BufReader<ChildStdout>>,
    http: reqwest::Client,
}

impl Sta {
    /// Starts a server on a data directory and a free port, with further settings.
    ///
    /// # Panics
    ///
    /// The server does not print its address.
    pub async fn start(home: &Path, settings: &[(&str, &str)]) -> Self {
        let mut serve = command(home, settings);
        serve.arg("serve");
        Self::run(serve, home).await
    }

    /// Starts a server by a prepared command.
    ///
    /// # Panics
    ///
    /// The server does not print its address.
    pub async fn run(mut serve: tokio::process::Command, home: &Path) -> Self {
        let mut child = serve.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let printed = tokio::time::timeout(DEADLINE, stdout.next_line())
            .await
            .expect("the server does not print its address in time");
        let printed =
            printed.expect("stdout is text").expect("the server ended without printing its address; see its log above");
        let address = printed.rsplit(' ').next().expect("an address").to_owned();
        // No connection is reused: one that a frozen server lets time out would fail the next request.
        let http = reqwest::Client::builder().timeout(DEADLINE).pool_max_idle_per_host(0).build().expect("a client");
        Self { child, address, home: home.to_owned(), _stdout: stdout, http }
    }

    /// Sends a `GET`. Returns the status and the body.
    ///
    /// # Errors
    ///
    /// The server is gone.
    pub async fn get(&self, path: &str) -> reqwest::Result<(u16, Value)> {
        answer(self.http.get(self.url(path)).send().await?).await
    }

    /// Waits until commands are accepted. Returns the report of readiness. A busy machine may miss its second.
    pub async fn becomes_ready(&self) -> Value {
        let ready = async || self.get("/health/ready").await.ok().filter(|(status, _)| *status == 200);
        eventually("it is ready", ready).await.1
    }

    /// Posts a body. Returns the status and the body of the answer.
    ///
    /// # Errors
    ///
    /// The server is gone.
    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        let request = self.http.post(self.url(path)).header("content-type", "application/json");
        answer(request.body(body.to_string()).send().await?).await
    }

    /// The HTTP client and the address of a path, for requests of other kinds.
    pub fn raw(&self, path: &str) -> (reqwest::Client, String) {
        (self.http.clone(), self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The pid.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Its data directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The pid of its embedded PostgreSQL.
    pub fn postgres_pid(&self) -> Option<u32> {
        postgres_pid(&self.home)
    }

    /// Kills the process, as the system does when memory runs out.
    ///
    /// # Panics
    ///
    /// The process has ended already.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// Stops the process by SIGTERM. Returns the exit code and the time that it took.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub async fn stop(self) -> (i32, Duration) {
        signal(self.pid(), "TERM");
        self.ends().await
    }

    /// Waits for the end of a process that was told to stop. Returns the exit code and the time that it took.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub async fn ends(mut self) -> (i32, Duration) {
        let asked = Instant::now();
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it ends in time");
        (status.expect("it can be waited for").code().unwrap_or(-1), asked.elapsed())
    }
}

/// The pid of the embedded PostgreSQL of a data directory, if it was started.
pub fn postgres_pid(home: &Path) -> Option<u32> {
    let pid = std::fs::read_to_string(home.join("postgres/postmaster.pid")).ok()?;
    pid.lines().next()?.trim().parse().ok()
}

/// A connection of the administrator to the embedded PostgreSQL of a data directory, if it runs.
#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
pub async fn database(home: &Path) -> Option<tokio_postgres::Client> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(home.join("run")).user("postgres").dbname("postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}

/// Sends a signal to a process that these tests started.
///
/// # Panics
///
/// There is no such process.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "SIG{name} could not be sent to {pid}");
}

/// The command that runs the binary with these settings and none of the environment's.
#[expect(clippy::disallowed_methods, reason = "what a process needs of the machine is passed on to it")]
pub fn command(home: &Path, settings: &[(&str, &str)]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(binary());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .env("STA_DATA_DIR", home)
        .env("STA_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "warn")
        .envs(settings.iter().copied());
    command
}

/// Every message of a topic, as `events tail` prints them. Empty if there is no such topic yet.
///
/// # Panics
///
/// The command fails.
pub async fn tail(home: &Path, settings: &[(&str, &str)], topic: &str) -> Vec<Value> {
    let printed =
        command(home, settings).args(["events", "tail", topic, "--from-beginning"]).kill_on_drop(true).output();
    let printed = tokio::time::timeout(DEADLINE, printed).await.expect("it ends in time").expect("the binary runs");
    let reason = String::from_utf8_lossy(&printed.stderr);
    if reason.contains(&format!("there is no topic {topic} yet")) {
        assert!(!printed.status.success() && printed.stdout.is_empty(), "a missing topic is reported on stderr only");
        return Vec::new();
    }
    assert!(printed.status.success(), "{reason}");
    let lines = String::from_utf8(printed.stdout).expect("JSON is UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

async fn answer(response: reqwest::Response) -> reqwest::Result<(u16, Value)> {
    let status = response.status().as_u16();
    Ok((status, serde_json::from_str(&response.text().await?).unwrap_or(Value::Null)))
}

/// Sends JSON lines to a topic by `events send`.
///
/// # Errors
///
/// The text of the command on stderr.
///
/// # Panics
///
/// The command does not run.
pub async fn send(
    home: &Path,
    settings: &[(&str, &str)],
    topic: &str,
    record: &str,
    options: &[&str],
    lines: &str,
) -> Result<(), String> {
    let mut command = command(home, settings);
    command.args(["events", "send", topic, record]).args(options).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(lines.as_bytes()).await.expect("it reads");
    drop(stdin);
    let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("it ends in time");
    let ended = ended.expect("it can be waited for");
    if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stderr).into_owned()) }
}

/// The processes of a server's embedded PostgreSQL, frozen until this value is dropped.
pub struct Frozen(Vec<u32>);

impl Frozen {
    /// Freezes the PostgreSQL of a server.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn postgres_of(sta: &Sta) -> Self {
        let postmaster = sta.postgres_pid().expect("it runs");
        // A frozen postmaster starts no further processes.
        signal(postmaster, "STOP");
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.expect("the system tells them");
        let children: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect();
        children.iter().for_each(|pid| signal_if_there(*pid, "STOP"));
        Self(std::iter::once(postmaster).chain(children).collect())
    }
}

/// Sends a signal to a process that may have ended meanwhile.
fn signal_if_there(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

impl Drop for Frozen {
    /// Thaws the processes. Some may be gone: when the process that started PostgreSQL ends, the system thaws it.
    fn drop(&mut self) {
        self.0.iter().rev().for_each(|pid| signal_if_there(*pid, "CONT"));
    }
}
