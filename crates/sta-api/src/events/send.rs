//! `sta-api events send`: JSON lines from stdin to a topic, each encoded by its schema.

use anyhow::{Context as _, bail};
use chrono::SecondsFormat;
use seedwork::{
    domain::{Clock, SystemClock},
    infrastructure::{
        avro::{self, Registry},
        broker::{Broker, Record},
    },
};
use serde_json::Value;
use std::{borrow::Cow, io::stdin};
use uuid::Uuid;

/// How many messages are sent at once.
const BATCH: usize = 1_000;

/// What is to be sent.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Send {
    /// The topic, for example `comandos-ingesta`.
    topic: String,
    /// The record's name, short or full: `CrearIngesta`.
    record: String,
    /// What orders the messages; the record's first field if it is not given.
    #[arg(long)]
    key: Option<String>,
    /// The id of the message; the same one twice is one effect. A new one for each line if it is not given.
    #[arg(long)]
    id: Option<String>,
    /// A further header.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Send {
    /// Sends every line of stdin, in order.
    ///
    /// # Errors
    ///
    /// A line that does not fit the record: nothing of what follows it is sent. Or the broker does not answer.
    pub(crate) async fn run(self, broker: &impl Broker, registry: Registry) -> anyhow::Result<()> {
        let record = self.schema()?;
        let id = registry.id(&self.topic, record.fingerprint).await?;
        let mut batch = Vec::with_capacity(BATCH);
        for (n, line) in stdin().lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            match self.message(record, id, &line) {
                Ok(message) => batch.push(message),
                Err(error) => {
                    broker.send(&batch).await?;
                    return Err(error.context(format!("line {}", n + 1)));
                }
            }
            if batch.len() == BATCH {
                broker.send(&std::mem::take(&mut batch)).await?;
            }
        }
        broker.send(&batch).await
    }

    fn schema(&self) -> anyhow::Result<&'static avro::Record> {
        let fits = |record: &&avro::Record| record.name == self.record || record.short_name() == self.record;
        match avro::all().filter(fits).collect::<Vec<_>>()[..] {
            [record] => Ok(record),
            [] => bail!("there is no record {}", self.record),
            _ => bail!("several records are called {}: give the full name", self.record),
        }
    }

    fn message(&self, record: &avro::Record, schema_id: i32, line: &str) -> anyhow::Result<Record> {
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
        Ok(Record { topic: self.topic.clone(), key, time, headers, value: avro::wire(schema_id, &body) })
    }
}
