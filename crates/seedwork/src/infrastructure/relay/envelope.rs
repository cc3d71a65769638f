//! The envelope of a message: a row of the log becomes a record with CloudEvents attributes as headers.

use crate::{
    domain::Timestamp,
    infrastructure::{avro, broker::Record},
};
use chrono::SecondsFormat;
use tokio_postgres::Row;
use uuid::Uuid;

/// Reads the log after a number, in order, up to a number of rows and of bytes in all bodies. The first row is read
/// whatever its size. The sizes of bodies are known without reading them.
pub(super) const READ: &str = "\
    SELECT seq, id, topic, type, key, aggregate_version, time, correlation_id, causation_id, traceparent, fingerprint, body \
    FROM (SELECT *, sum(octet_length(body)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS bytes \
    FROM (SELECT * FROM outbox WHERE seq > $1::int8 ORDER BY seq LIMIT $2) rows) rows \
    WHERE bytes <= $3::int8 OR seq = $1 + 1 ORDER BY seq";

/// A row of the log.
pub(super) struct LogEntry(Row);

impl From<Row> for LogEntry {
    fn from(row: Row) -> Self {
        Self(row)
    }
}

impl LogEntry {
    pub(super) fn seq(&self) -> i64 {
        self.0.get(0)
    }

    pub(super) fn topic(&self) -> &str {
        self.0.get(2)
    }

    pub(super) fn key(&self) -> &str {
        self.0.get(4)
    }

    pub(super) fn time(&self) -> Timestamp {
        self.0.get(6)
    }

    pub(super) fn fingerprint(&self) -> i64 {
        self.0.get(10)
    }

    /// Returns the record to publish. `source` is the CloudEvents source of the log, `schema_id` the registry's id of
    /// the body's schema.
    pub(super) fn record(&self, source: &str, schema_id: i32) -> Record {
        let row = &self.0;
        let (key, time): (&str, Timestamp) = (row.get(4), self.time());
        let mut headers = Vec::with_capacity(12);
        let mut header = |name: &'static str, value: String| headers.push((name.into(), value));
        header("ce_specversion", "1.0".into());
        header("ce_id", row.get::<_, Uuid>(1).to_string());
        header("ce_source", source.into());
        header("ce_type", row.get(3));
        header("ce_time", time.to_rfc3339_opts(SecondsFormat::Micros, true));
        header("ce_subject", key.into());
        header("ce_sequence", self.seq().to_string());
        if let Some(version) = row.get::<_, Option<i64>>(5) {
            header("ce_aggregateversion", version.to_string());
        }
        header("ce_correlationid", row.get(7));
        if let Some(causation) = row.get::<_, Option<String>>(8) {
            header("ce_causationid", causation);
        }
        if let Some(trace) = row.get::<_, Option<String>>(9) {
            header("traceparent", trace);
        }
        header("content-type", "application/avro".into());
        let value = avro::to_wire_format(schema_id, row.get(11));
        Record { topic: row.get(2), key: key.into(), time, headers, value }
    }
}
