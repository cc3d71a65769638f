//! The settings of Kafka and of the schema registry.

use super::{Source, duration::duration, parsed, path, within};
use seedwork::infrastructure::{
    broker::{KafkaSettings, Password, SecurityProtocol},
    schema_registry::{MissingSchemaPolicy, RegistrySettings},
};
use std::time::Duration;
use url::Url;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Returns the settings of Kafka if `KAFKA_BROKERS` is set.
pub(super) fn kafka(source: &mut Source, partitions: i32) -> Option<KafkaSettings> {
    let brokers = source.get("KAFKA_BROKERS", brokers);
    let before = source.mistakes.len();
    let protocol = source.get("KAFKA_SECURITY_PROTOCOL", protocol);
    let mechanism = source.get("KAFKA_SASL_MECHANISM", mechanism);
    let username = source.get("KAFKA_SASL_USERNAME", parsed("a name"));
    let password = source.get("KAFKA_SASL_PASSWORD", |text| Ok(Password(text.to_owned())));
    let ssl_ca = source.get("KAFKA_SSL_CA", path);
    let group_instance_id = source.get("KAFKA_GROUP_INSTANCE_ID", parsed("a name"));
    let replication = source.get("STA_TOPIC_REPLICATION", within(-1, 100));
    if replication == Some(0) {
        source.mistakes.push("STA_TOPIC_REPLICATION must be -1 (the cluster's own) or at least 1".to_owned());
    }
    let min_insync = source.get("STA_TOPIC_MIN_INSYNC", within(1, 100));
    if let (Some(copies @ 1..), Some(needed)) = (replication, min_insync)
        && needed > copies
    {
        source.mistakes.push("STA_TOPIC_MIN_INSYNC must be at most STA_TOPIC_REPLICATION".to_owned());
    }
    let retention = source.get("STA_TOPIC_RETENTION", duration(MINUTE, DAY * 36_500));
    let security_protocol = protocol.unwrap_or(SecurityProtocol::Plaintext);
    if source.mistakes.len() == before && security_protocol.has_sasl() {
        let given = [
            ("KAFKA_SASL_MECHANISM", mechanism.is_some()),
            ("KAFKA_SASL_USERNAME", username.is_some()),
            ("KAFKA_SASL_PASSWORD", password.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, given)| !given) {
            let protocol = security_protocol.as_str();
            source.mistakes.push(format!("{name} must be set with KAFKA_SECURITY_PROTOCOL={protocol}"));
        }
    }
    Some(KafkaSettings {
        brokers: brokers?,
        security_protocol,
        sasl_mechanism: mechanism.unwrap_or_default(),
        sasl_username: username,
        sasl_password: password,
        ssl_ca,
        group_instance_id,
        partitions,
        replication: replication.unwrap_or(-1),
        min_insync,
        retention: retention.unwrap_or(DAY * 7),
    })
}

/// Returns the settings of the registry if `SCHEMA_REGISTRY_URL` is set.
pub(super) fn registry(source: &mut Source) -> Option<RegistrySettings> {
    let url = source.get("SCHEMA_REGISTRY_URL", registry_url);
    let username: Option<String> = source.get("SCHEMA_REGISTRY_USER", parsed("a name"));
    let password: Option<String> = source.get("SCHEMA_REGISTRY_PASSWORD", parsed("a password"));
    let policy = source.get("SCHEMA_REGISTRY_POLICY", policy);
    if username.is_some() != password.is_some() {
        source.mistakes.push("SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD must be set together".to_owned());
    }
    Some(RegistrySettings {
        url: url?,
        credentials: username.zip(password),
        policy: policy.unwrap_or(MissingSchemaPolicy::Register),
    })
}

fn brokers(text: &str) -> Result<String, String> {
    let has_port = |broker: &str| broker.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match super::list(text).count() > 0 && super::list(text).all(has_port) {
        true => Ok(super::list(text).collect::<Vec<_>>().join(",")),
        false => Err("a comma list of host:port".to_owned()),
    }
}

fn protocol(text: &str) -> Result<SecurityProtocol, String> {
    use SecurityProtocol::{Plaintext, SaslPlaintext, SaslSsl, Ssl};
    let all = [Plaintext, Ssl, SaslPlaintext, SaslSsl];
    let found = all.into_iter().find(|protocol| protocol.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("one of {}", all.map(SecurityProtocol::as_str).join(", ")))
}

fn mechanism(text: &str) -> Result<String, String> {
    const ALL: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    let found = ALL.into_iter().find(|mechanism| mechanism.eq_ignore_ascii_case(text));
    found.map(str::to_owned).ok_or_else(|| format!("one of {}", ALL.join(", ")))
}

/// Parses the base URL of an API. Errors show it, so it must hold no secret.
fn registry_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(url) if !url.username().is_empty() || url.password().is_some() => Err(
            "an address without a user and a password: set SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD instead"
                .to_owned(),
        ),
        Some(url) if url.query().is_none() && url.fragment().is_none() => {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err("an address like http://host:8081".to_owned()),
    }
}

fn policy(text: &str) -> Result<MissingSchemaPolicy, String> {
    match text {
        "register" => Ok(MissingSchemaPolicy::Register),
        "refuse" => Ok(MissingSchemaPolicy::Refuse),
        _ => Err("register or refuse".to_owned()),
    }
}
