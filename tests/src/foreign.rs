//! A foreign client: Python and confluent-kafka with its Avro serializer, deserializer and registry client.

use crate::stack::{Stack, answer, root};
use serde_json::Value;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The foreign client, pointed at a stack.
pub struct Foreign {
    python: PathBuf,
    settings: Vec<(String, String)>,
}

impl Foreign {
    /// Installs the client once a workspace and points it at a stack.
    ///
    /// # Panics
    ///
    /// It cannot be installed.
    pub async fn install(stack: &Stack) -> Self {
        let settings = stack.settings().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let folder = root().join("target/foreign");
        python(&folder, "tests/foreign/requirements.txt").await;
        Self { python: folder.join("bin/python"), settings: settings.collect() }
    }

    /// Waits for the first messages of a topic and returns them as `events tail` prints them.
    ///
    /// # Panics
    ///
    /// Too few messages come in time, or one cannot be decoded.
    pub async fn read(&self, topic: &str, count: usize) -> Vec<Value> {
        let lines = self.run("read.py", &[topic, &count.to_string()], String::new()).await;
        lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// Sends a message for each value of a record. The options are those of `write.py`: `--cloudevents`, `--keyless`.
    ///
    /// # Panics
    ///
    /// The registry does not know the record, a value does not fit, or one is not delivered.
    pub async fn write(&self, topic: &str, record: &str, options: &[&str], values: &[Value]) {
        let lines = values.iter().map(|value| format!("{value}\n")).collect();
        self.run("write.py", &[&[topic, record], options].concat(), lines).await;
    }

    async fn run(&self, script: &str, arguments: &[&str], given: String) -> String {
        let mut python = Command::new(&self.python);
        python.arg("-B").arg(root().join("tests/foreign").join(script)).args(arguments);
        python.envs(self.settings.iter().map(|(name, value)| (name, value)));
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let run = tokio::task::spawn_blocking(move || {
            let mut child = python.spawn().expect("the client starts");
            // A process that ends early gives the reason on stderr.
            let _ = child.stdin.take().expect("stdin is a pipe").write_all(given.as_bytes());
            let ran = child.wait_with_output().expect("it can be waited for");
            assert!(ran.status.success(), "{python:?} failed");
            String::from_utf8(ran.stdout).expect("it prints UTF-8")
        });
        run.await.expect("the client does its work")
    }
}

/// Creates a Python environment in a folder from a list of requirements.
///
/// # Panics
///
/// A requirement cannot be installed.
pub async fn python(folder: &Path, requirements: &str) {
    let mut install = Command::new(root().join("tests/python-env"));
    install.arg(folder).arg(root().join(requirements));
    tokio::task::spawn_blocking(move || answer(install)).await.expect("the environment is made");
}
