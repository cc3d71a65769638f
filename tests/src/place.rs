//! The place of a scenario: the embedded default or the real stack. The scenario is the same.

use crate::{
    sta::{self, Sta},
    stack::Turn,
};
use eventually::eventually;
use serde_json::Value;
use std::{
    collections::HashSet,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// The time for a server to find that it cannot start.
const REFUSAL: Duration = Duration::from_secs(50);

/// Processes that share a new database and a new broker.
pub struct Place {
    home: TempDir,
    /// The folder of the servers' log, apart from the data directory.
    logs: TempDir,
    settings: Vec<(String, String)>,
    turn: Option<Turn>,
}

impl Place {
    /// A place with nothing but a folder: `sta-api` brings the rest.
    ///
    /// # Panics
    ///
    /// No folder can be created.
    pub fn embedded() -> Self {
        let folder = || tempfile::tempdir().expect("a folder");
        Self { home: folder(), logs: folder(), settings: Vec::new(), turn: None }
    }

    /// A place on the real stack, with a new database and no topics. Tests take turns.
    ///
    /// # Panics
    ///
    /// The stack does not come up.
    pub async fn on_the_stack() -> Self {
        let turn = Turn::wait().await;
        let mut place = Self::embedded();
        (place.settings, place.turn) = (turn.settings(), Some(turn));
        place
    }

    /// The stack of this place.
    ///
    /// # Panics
    ///
    /// The place is embedded.
    pub fn stack(&self) -> &Turn {
        self.turn.as_ref().expect("a place on the stack")
    }

    /// Sets settings for every process that starts here from now on.
    pub fn set(&mut self, settings: &[(&str, &str)]) {
        self.settings.retain(|(name, _)| !settings.iter().any(|(set, _)| set == name));
        self.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }

    /// Uses Kafka's listener with SASL and TLS from now on.
    ///
    /// # Panics
    ///
    /// The place is embedded.
    pub fn use_sasl(&mut self) {
        let settings = self.stack().sasl_settings().into_iter().filter(|(name, _)| name.starts_with("KAFKA_"));
        let settings: Vec<_> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.set(&settings.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>());
    }

    /// Starts a server and waits until it listens.
    pub async fn start(&self) -> Sta {
        Sta::run(self.serve(), self.home.path()).await
    }

    /// Starts a server with further settings.
    pub async fn start_with(&self, settings: &[(&str, &str)]) -> Sta {
        let mut serve = self.serve();
        serve.envs(settings.iter().copied());
        Sta::run(serve, self.home.path()).await
    }

    /// The command that starts a server. Its log is kept.
    pub fn serve(&self) -> tokio::process::Command {
        let mut serve = self.command();
        serve.arg("serve").stderr(self.append_to_log());
        serve
    }

    /// Runs a server that cannot start. Returns the reason from its log.
    ///
    /// # Panics
    ///
    /// It starts, or does not end.
    pub async fn refuses(&self) -> String {
        let ended = tokio::time::timeout(REFUSAL, self.serve().kill_on_drop(true).output());
        let ended = ended.await.expect("it ends in time").expect("the binary starts");
        assert!(!ended.status.success() && ended.stdout.is_empty(), "it does not serve");
        String::from_utf8(ended.stderr).expect("a log is text")
    }

    /// The binary, with the settings of this place.
    pub fn command(&self) -> tokio::process::Command {
        sta::command(self.home.path(), &self.settings())
    }

    /// Every message of a topic, as `events tail` prints them.
    pub async fn tail(&self, topic: &str) -> Vec<Value> {
        sta::tail(self.home.path(), &self.settings(), topic).await
    }

    /// Every message of a topic without the duplicates that Kafka may have: readers skip them by their id. The embedded
    /// broker must have none.
    pub async fn published(&self, topic: &str) -> Vec<Value> {
        let mut messages = self.tail(topic).await;
        if self.turn.is_some() {
            let mut ids = HashSet::new();
            messages.retain(|message| match message["headers"]["ce_id"].as_str() {
                Some(id) => ids.insert(id.to_owned()),
                None => true,
            });
        }
        messages
    }

    /// Sends JSON lines to a topic, as `events send` does.
    ///
    /// # Errors
    ///
    /// The text of the command on stderr.
    pub async fn send(&self, topic: &str, record: &str, options: &[&str], lines: &str) -> Result<(), String> {
        sta::send(self.home.path(), &self.settings(), topic, record, options, lines).await
    }

    /// The log of the servers.
    ///
    /// # Panics
    ///
    /// No server was started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).expect("a log")
    }

    /// The log of the servers, line by line.
    ///
    /// # Panics
    ///
    /// A line is not JSON.
    pub fn log_lines(&self) -> Vec<Value> {
        self.log().lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// Waits until the log contains this text.
    pub async fn logs(&self, what: &str) {
        eventually(what, || async { self.log().contains(what).then_some(()) }).await;
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    fn append_to_log(&self) -> File {
        File::options().create(true).append(true).open(self.log_file()).expect("a log")
    }

    fn log_file(&self) -> PathBuf {
        self.logs.path().join("servers.log")
    }

    /// The data directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Place {
    /// Prints the end of the servers' log if the test fails.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.log_file())
        {
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(60)..].join("\n");
            let _ = writeln!(std::io::stderr(), "the last of the servers' log:\n{last}");
        }
    }
}
