//! A schema registry with Confluent's API. A topic carries several records, so subjects are named by topic and record.

use super::table::RegisteredSchema;
use crate::infrastructure::avro::schemas;
use anyhow::{Context as _, bail, ensure};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, get_schema_by_id, perform_sr_call, post_schema},
    error::SRCError,
    schema_registry_common::{RawError, SchemaType, SrCall, SuppliedSchema},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::Instant;

/// The longest wait for the registry at start-up, while some ids are unknown.
const START: Duration = Duration::from_secs(30);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// The attempts of a call before the registry counts as unavailable. A registry that has lost its own database fails
/// once for every connection that it had.
const TRIES: u32 = 3;
/// The time limit of a call.
const CALL: Duration = Duration::from_secs(5);
/// The error codes of the API for a missing subject, version or schema.
const NOT_FOUND: [u32; 4] = [404, 40_401, 40_402, 40_403];

/// The connection to the registry, and the policy for missing schemas.
#[derive(Clone)]
pub struct RegistrySettings {
    /// The base URL of its API.
    pub url: String,
    /// The user and the password.
    pub credentials: Option<(String, String)>,
    /// The treatment of missing schemas.
    pub policy: MissingSchemaPolicy,
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySettings").field("url", &self.url).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The treatment of a schema that the registry does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingSchemaPolicy {
    /// Register it.
    Register,
    /// Refuse to start: schemas are registered elsewhere.
    Refuse,
}

/// The ids by fingerprint and topic. Ids never change, so a known id needs no registry.
type Ids = HashMap<i64, HashMap<String, i32>>;

/// The registry.
#[derive(Clone)]
pub(super) struct Confluent {
    url: String,
    settings: Arc<SrSettings>,
    policy: MissingSchemaPolicy,
    ids: Arc<RwLock<Ids>>,
}

impl Confluent {
    /// Registers or looks up the schemas of the contexts' events and commands. If the registry rejects schemas, one
    /// error lists them all. An unreachable registry is retried for up to [`START`], unless all ids are known from an
    /// earlier start.
    pub(super) async fn connect(
        url: String,
        settings: RegistrySettings,
        given: Vec<RegisteredSchema>,
        contexts: &[&str],
    ) -> anyhow::Result<Self> {
        let mut builder = SrSettings::new_builder(url.clone());
        builder.set_timeout(CALL);
        if let Some((username, password)) = &settings.credentials {
            builder.set_basic_authorization(username, Some(password));
        }
        let server = Self { url, settings: Arc::new(builder.build()?), policy: settings.policy, ids: Arc::default() };
        given.into_iter().for_each(|given| server.note(&given.topic, given.fingerprint, given.id));
        let own = |record: &&schemas::RecordSchema| {
            contexts.iter().any(|context| {
                record.name.strip_prefix("sta.").and_then(|rest| rest.split('.').next()) == Some(*context)
            })
        };
        let mut missing = Vec::new();
        for record in schemas::record_schemas().filter(own) {
            missing
                .push((record.topic.with_context(|| format!("the schema of {} names no topic", record.name))?, record));
        }
        let (until, mut refused) = (Instant::now() + START, Vec::new());
        while let Some((topic, record)) = missing.last() {
            match server.ask(topic, record.name, record.fingerprint, record.text).await {
                Ok(_) => drop(missing.pop()),
                Err(RegistryError::Rejected(error)) => {
                    refused.push(error);
                    missing.pop();
                }
                Err(RegistryError::Unavailable(error))
                    if missing.iter().all(|(topic, record)| server.known(topic, record.fingerprint).is_some()) =>
                {
                    tracing::warn!(error, "the schema registry does not answer: known ids are used");
                    break;
                }
                Err(RegistryError::Unavailable(error)) => {
                    ensure!(Instant::now() < until, "the schema registry at {} does not answer: {error}", server.url);
                    tracing::warn!(error, "waiting for the schema registry");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        refused.sort();
        ensure!(refused.is_empty(), refused.join("; "));
        Ok(server)
    }

    /// Returns the URL, which identifies the registry in the table `registered`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn known(&self, topic: &str, fingerprint: i64) -> Option<i32> {
        let ids = self.ids.read().unwrap_or_else(PoisonError::into_inner);
        ids.get(&fingerprint)?.get(topic).copied()
    }

    /// Returns all known ids.
    pub(super) fn all(&self) -> Vec<RegisteredSchema> {
        let ids = self.ids.read().unwrap_or_else(PoisonError::into_inner);
        let of = |(fingerprint, topics): (&i64, &HashMap<String, i32>)| {
            let fingerprint = *fingerprint;
            let registered =
                |(topic, id): (&String, &i32)| RegisteredSchema { topic: topic.clone(), fingerprint, id: *id };
            topics.iter().map(registered).collect::<Vec<_>>()
        };
        ids.iter().flat_map(of).collect()
    }

    fn note(&self, topic: &str, fingerprint: i64, id: i32) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        ids.entry(fingerprint).or_default().insert(topic.to_owned(), id);
    }

    /// Registers or looks up a schema without a known id.
    pub(super) async fn register(&self, topic: &str, name: &str, fingerprint: i64, text: &str) -> anyhow::Result<i32> {
        let mut tries = 1..TRIES;
        loop {
            match self.ask(topic, name, fingerprint, text).await {
                Ok(id) => return Ok(id),
                Err(RegistryError::Rejected(error)) => bail!(error),
                Err(RegistryError::Unavailable(_)) if tries.next().is_some() => tokio::time::sleep(PAUSE).await,
                Err(RegistryError::Unavailable(error)) => bail!("the schema registry does not answer: {error}"),
            }
        }
    }

    /// Returns the text of the schema with this id, if there is one.
    pub(super) async fn text(&self, id: i32) -> anyhow::Result<Option<String>> {
        let Ok(id) = u32::try_from(id) else { return Ok(None) };
        let mut tries = 1..TRIES;
        loop {
            match get_schema_by_id(id, &self.settings).await {
                Ok(registered) if registered.schema_type == SchemaType::Avro => return Ok(Some(registered.schema)),
                Ok(_) => return Ok(None),
                Err(error) if is_not_found(&error) => return Ok(None),
                Err(_) if tries.next().is_some() => tokio::time::sleep(PAUSE).await,
                Err(error) => bail!("the schema registry does not answer: {error}"),
            }
        }
    }

    async fn ask(&self, topic: &str, name: &str, fingerprint: i64, text: &str) -> Result<i32, RegistryError> {
        let subject = format!("{topic}-{name}");
        let id = match self.policy {
            MissingSchemaPolicy::Register => {
                let schema = SuppliedSchema::new(Some(name.to_owned()), SchemaType::Avro, text.to_owned());
                post_schema(&self.settings, subject.clone(), schema).await.map(|registered| Some(registered.id))
            }
            MissingSchemaPolicy::Refuse => {
                let body = serde_json::json!({ "schema": text, "schemaType": "AVRO" }).to_string();
                perform_sr_call(&self.settings, SrCall::PostForVersion(&subject, &body)).await.map(|found| found.id)
            }
        };
        match id.map(|id| id.and_then(|id| i32::try_from(id).ok())) {
            Ok(Some(id)) => {
                self.note(topic, fingerprint, id);
                Ok(id)
            }
            Ok(None) => Err(RegistryError::Rejected(format!("the schema registry gives no id for {subject}"))),
            Err(error) if is_not_found(&error) => Err(RegistryError::Rejected(format!(
                "the schema registry does not know this version of {subject}, and SCHEMA_REGISTRY_POLICY=refuse forbids to register it"
            ))),
            Err(error) if is_answer(&error) => {
                Err(RegistryError::Rejected(format!("the schema registry refuses {subject}: {}", cause(&error))))
            }
            Err(error) => Err(RegistryError::Unavailable(cause(&error))),
        }
    }
}

/// A lookup or a registration that returned no id.
enum RegistryError {
    /// The registry does not answer, or has trouble of its own.
    Unavailable(String),
    /// The registry rejects the schema.
    Rejected(String),
}

fn answer(error: &SRCError) -> Option<&RawError> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Returns true if the registry rejected the call, false if it has trouble of its own.
fn is_answer(error: &SRCError) -> bool {
    !error.retriable && answer(error).is_some_and(|answer| (400..500).contains(&status(answer.error_code)))
}

fn is_not_found(error: &SRCError) -> bool {
    answer(error).is_some_and(|answer| NOT_FOUND.contains(&answer.error_code))
}

/// Returns the HTTP status of an error code: its first three digits.
fn status(code: u32) -> u32 {
    if code < 1_000 { code } else { code / 100 }
}

fn cause(error: &SRCError) -> String {
    error.cause.clone().unwrap_or_else(|| error.error.clone())
}
