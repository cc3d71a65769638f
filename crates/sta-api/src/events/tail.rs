//! `sta-api events tail`: prints a topic as JSON lines. It moves no offset.

use anyhow::{Context as _, bail};
use seedwork::infrastructure::{
    avro,
    broker::{Broker, Delivery, TopicReader, Watermarks},
    schema_registry::Registry,
};
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    io::{self, BufWriter, ErrorKind, Write, stdout},
};

/// The arguments of `events tail`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Tail {
    /// The topic, for example `eventos-ingesta`.
    topic: String,
    /// Begin with the oldest message instead of the next one.
    #[arg(long)]
    from_beginning: bool,
    /// Wait for more at the end, until interrupted.
    #[arg(long)]
    follow: bool,
    /// End after so many messages.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Tail {
    /// Prints the messages, one JSON object a line. A closed stdout ends it.
    ///
    /// # Errors
    ///
    /// There is no such topic, the broker does not answer, or stdout cannot be written.
    pub(crate) async fn run(self, broker: &impl Broker, registry: Registry) -> anyhow::Result<()> {
        let watermarks = broker.watermarks(&self.topic).await.with_context(|| format!("cannot read {}", self.topic))?;
        let Some(watermarks) = watermarks else {
            bail!("there is no topic {} yet: its first message creates it", self.topic);
        };
        let from = |watermarks: &Watermarks| if self.from_beginning { watermarks.low } else { watermarks.high };
        let mut positions: Vec<i64> = watermarks.iter().map(from).collect();
        let mut reader = broker.read(&self.topic, &positions).await?;
        let mut printer = Printer { registry, schemas: HashMap::new(), left: self.limit.unwrap_or(usize::MAX) };
        while printer.left > 0 && !(self.ends_at_the_end() && reached(&positions, &watermarks)) {
            let deliveries = reader.next().await?;
            for delivery in &deliveries {
                let number = usize::try_from(delivery.partition.number)?;
                if let Some(position) = positions.get_mut(number) {
                    *position = delivery.offset + 1;
                }
            }
            let lines = printer.lines(deliveries).await?;
            match print(&lines) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                printed => printed.context("stdout cannot be written")?,
            }
        }
        Ok(())
    }

    /// Returns true if the messages of the start are all. From the end there would be none.
    fn ends_at_the_end(&self) -> bool {
        self.from_beginning && !self.follow
    }
}

fn reached(positions: &[i64], watermarks: &[Watermarks]) -> bool {
    positions.iter().zip(watermarks).all(|(position, watermarks)| *position >= watermarks.high)
}

/// Turns messages into lines.
struct Printer {
    registry: Registry,
    schemas: HashMap<i32, Option<apache_avro::Schema>>,
    left: usize,
}

impl Printer {
    async fn lines(&mut self, deliveries: Vec<Delivery>) -> anyhow::Result<Vec<Value>> {
        let mut lines = Vec::with_capacity(deliveries.len());
        for delivery in deliveries.into_iter().take(self.left) {
            let value = match &delivery.value {
                Some(value) => self.decode(value).await?,
                None => Value::Null,
            };
            lines.push(line(&delivery, value));
        }
        self.left -= lines.len();
        Ok(lines)
    }

    /// Returns the value as JSON. A value that cannot be decoded is shown in hexadecimal.
    async fn decode(&mut self, value: &[u8]) -> anyhow::Result<Value> {
        let Some(([0, id @ ..], body)) = value.split_first_chunk::<5>() else {
            return Ok(raw(value, "no wire format"));
        };
        let id = i32::from_be_bytes(*id);
        if !self.schemas.contains_key(&id) {
            self.schemas.insert(id, self.registry.schema(id).await?);
        }
        match self.schemas.get(&id) {
            Some(Some(schema)) => Ok(avro::to_json(schema, body).unwrap_or_else(|error| raw(value, &error.reason))),
            _ => Ok(raw(value, "unknown schema")),
        }
    }
}

fn print(lines: &[Value]) -> io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()
}

fn raw(value: &[u8], reason: &str) -> Value {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "undecodable": hex, "reason": reason })
}

fn line(delivery: &Delivery, value: Value) -> Value {
    let headers: Map<_, _> =
        delivery.headers.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into())).collect();
    json!({
        "topic": &*delivery.partition.topic,
        "partition": delivery.partition.number,
        "offset": delivery.offset,
        "key": delivery.key.as_deref().map(String::from_utf8_lossy),
        "headers": headers,
        "value": value,
    })
}
