//! `sta-api events send`: sends JSON lines from stdin to a topic, encoded in Avro.

use crate::shutdown_signals::ShutdownSignals;
use anyhow::{Context as _, bail, ensure};
use chrono::SecondsFormat;
use seedwork::{
    domain::{Clock, SystemClock},
    infrastructure::{
        avro,
        broker::{Broker, Record},
        schema_registry::Registry,
        supervise,
    },
};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{self, stdin},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

/// The most messages that are sent at once.
const BATCH: usize = 1_000;
/// The longest time that a line waits for others, to be sent in one batch.
const LINGER: Duration = Duration::from_millis(100);

/// The arguments of `events send`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Send {
    /// The topic, for example `comandos-ingesta`.
    topic: String,
    /// The record's name, short or full: `CrearIngesta`.
    record: String,
    /// The key, which orders messages. The first field of the record if it is not given.
    #[arg(long)]
    key: Option<String>,
    /// The id of the message (`ce_id`). The same id twice has one effect. A new one for each line if it is not given.
    #[arg(long)]
    id: Option<String>,
    /// Send the record to this topic although it belongs to another.
    #[arg(long)]
    force: bool,
    /// One more header.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Send {
    /// Sends every line of stdin, in order, until stdin ends or a signal comes.
    ///
    /// # Errors
    ///
    /// The record belongs to another topic. A line does not fit the schema: the lines after it are not sent. The broker does
    /// not answer, or a signal comes while it is waited for.
    pub(crate) async fn run(
        self,
        broker: &impl Broker,
        registry: Registry,
        signals: &mut ShutdownSignals,
    ) -> anyhow::Result<()> {
        let record = self.schema()?;
        let own = record.topic.unwrap_or_default();
        ensure!(
            self.force || own == self.topic,
            "{} belongs to the topic {own}, not to {}: send it there, or here with --force",
            record.short_name(),
            self.topic
        );
        let id = registry.id(&self.topic, record.fingerprint).await?;
        let mut lines = StdinLines::read()?;
        while !lines.ended {
            let (batch, outcome) = self.batch(&mut lines, record, id, signals).await;
            if !batch.is_empty() {
                tokio::select! {
                    sent = broker.send(&batch) => sent?,
                    () = signals.recv() => bail!("interrupted: it is unknown whether the last {} messages were sent", batch.len()),
                }
            }
            outcome?;
        }
        Ok(())
    }

    /// Makes messages of the next lines, for as long as the first one may wait. An error in the line after them comes
    /// beside them.
    async fn batch(
        &self,
        lines: &mut StdinLines,
        record: &avro::RecordSchema,
        schema_id: i32,
        signals: &mut ShutdownSignals,
    ) -> (Vec<Record>, anyhow::Result<()>) {
        let (mut batch, mut due) = (Vec::new(), None);
        while batch.len() < BATCH && !lines.ended {
            let is_due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let line = tokio::select! {
                line = lines.next() => line,
                () = is_due => break,
                // What was read before is still sent.
                () = signals.recv() => {
                    lines.receiver.close();
                    continue;
                }
            };
            let message = match line {
                Some(Ok(line)) if line.trim().is_empty() => continue,
                Some(Ok(line)) => self.message(record, schema_id, &line),
                Some(Err(error)) => Err(error.into()),
                None => break,
            };
            match message {
                Ok(message) => batch.push(message),
                Err(error) => return (batch, Err(error.context(format!("line {}", lines.number)))),
            }
            due = due.or_else(|| Some(Instant::now() + LINGER));
        }
        (batch, Ok(()))
    }

    fn schema(&self) -> anyhow::Result<&'static avro::RecordSchema> {
        let fits = |record: &&avro::RecordSchema| record.name == self.record || record.short_name() == self.record;
        match avro::record_schemas().filter(fits).collect::<Vec<_>>()[..] {
            [record] => Ok(record),
            [] => bail!("there is no record {}", self.record),
            _ => bail!("several records are called {}: give the full name", self.record),
        }
    }

    fn message(&self, record: &avro::RecordSchema, schema_id: i32, line: &str) -> anyhow::Result<Record> {
        let json: Value = serde_json::from_str(line).context("the line is not JSON")?;
        let body = avro::from_json(record, &json)?;
        let first = record.fields().next().and_then(|field| json.get(field)).and_then(Value::as_str);
        let key = self.key.clone().or(first.map(str::to_owned)).context("there is no key: give --key")?;
        let time = SystemClock.now();
        let new = || Uuid::now_v7().to_string();
        let mut headers: Vec<(Cow<'static, str>, String)> = vec![
            ("ce_specversion".into(), "1.0".to_owned()),
            ("ce_id".into(), self.id.clone().unwrap_or_else(new)),
            ("ce_source".into(), "/sta/cli".to_owned()),
            ("ce_type".into(), record.name.to_owned()),
            ("ce_time".into(), time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            ("ce_subject".into(), key.clone()),
            ("content-type".into(), "application/avro".to_owned()),
        ];
        headers.retain(|(name, _)| !self.header.iter().any(|(given, _)| given == name));
        headers.extend(self.header.iter().map(|(name, value)| (name.clone().into(), value.clone())));
        Ok(Record { topic: self.topic.clone(), key, time, headers, value: avro::to_wire_format(schema_id, &body) })
    }
}

/// The lines of stdin. A separate thread reads them, so that a signal ends the process while stdin is idle.
struct StdinLines {
    receiver: mpsc::Receiver<io::Result<String>>,
    /// The number of the last line, from 1 on.
    number: usize,
    ended: bool,
}

impl StdinLines {
    fn read() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(BATCH);
        supervise::thread("stdin".to_owned(), move || {
            for line in stdin().lines() {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { receiver, number: 0, ended: false })
    }

    async fn next(&mut self) -> Option<io::Result<String>> {
        let line = self.receiver.recv().await;
        self.number += 1;
        self.ended = line.is_none();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_lines_that_were_read_before_the_end_are_returned() {
        let (sender, receiver) = mpsc::channel(BATCH);
        let mut lines = StdinLines { receiver, number: 0, ended: false };
        for _ in 0..3 {
            sender.send(Ok("{}".to_owned())).await.unwrap();
        }
        lines.receiver.close();
        assert!(sender.send(Ok(String::new())).await.is_err());
        for number in 1..=3 {
            assert!(lines.next().await.is_some());
            assert_eq!((lines.number, lines.ended), (number, false));
        }
        assert!(lines.next().await.is_none() && lines.ended);
    }
}
