//! The registry: the id of each schema on the wire, and the schema of each id.

mod confluent;
mod decoders;
mod table;

pub use confluent::{MissingSchemaPolicy, RegistrySettings};
#[cfg(feature = "testing")]
pub(crate) use decoders::limit_allocations;
pub use decoders::{Decoder, Decoders, Undecodable};

use crate::infrastructure::postgres::Database;
use apache_avro::Schema;
use confluent::Confluent;
use table::{RegisteredSchema, SchemaTable};

/// The registry of schemas: a server with Confluent's API, or the table `schemas`.
#[derive(Clone)]
pub struct Registry {
    table: SchemaTable,
    server: Option<Confluent>,
}

impl Registry {
    /// Opens the table in the broker's schema of a database. Every compiled record gets an id.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn open(database: Database) -> anyhow::Result<Self> {
        Ok(Self { table: SchemaTable::open(database).await?, server: None })
    }

    /// Connects to a registry server. The settings decide whether missing schemas of the contexts are registered there
    /// or are an error. An unreachable server is retried for a while, unless all ids are known from an earlier start.
    /// The table keeps the text of every schema in any case, so stored messages stay decodable.
    ///
    /// # Errors
    ///
    /// The database or, for too long, the server does not answer; or the server refuses a schema, or does not know one.
    pub async fn connect(database: Database, settings: RegistrySettings, contexts: &[&str]) -> anyhow::Result<Self> {
        let table = SchemaTable::open(database).await?;
        let url = settings.url.trim_end_matches('/').to_owned();
        let known = table.remembered(&url).await?;
        let server = Confluent::connect(url, settings, known, contexts).await?;
        table.remember(server.url(), &server.all()).await?;
        Ok(Self { table, server: Some(server) })
    }

    /// Returns the id of the schema with this fingerprint, for messages of a topic.
    ///
    /// # Errors
    ///
    /// The registry does not answer, or the schema was never registered.
    pub async fn id(&self, topic: &str, fingerprint: i64) -> anyhow::Result<i32> {
        let Some(server) = &self.server else { return self.table.id(fingerprint).await };
        if let Some(id) = server.known(topic, fingerprint) {
            return Ok(id);
        }
        let (name, text) = self.table.named(fingerprint).await?;
        let id = server.register(topic, &name, fingerprint, &text).await?;
        self.table.remember(server.url(), &[RegisteredSchema { topic: topic.to_owned(), fingerprint, id }]).await?;
        Ok(id)
    }

    /// Returns the schema with this id, if there is one.
    ///
    /// # Errors
    ///
    /// The registry does not answer, or its text is no schema.
    pub async fn schema(&self, id: i32) -> anyhow::Result<Option<Schema>> {
        let text = match &self.server {
            Some(server) => match server.text(id).await {
                Ok(text) => text,
                Err(away) => Some(self.table.text_at(server.url(), id).await?.ok_or(away)?),
            },
            None => self.table.text(id).await?,
        };
        text.map(|text| Ok(Schema::parse_str(&text)?)).transpose()
    }
}
