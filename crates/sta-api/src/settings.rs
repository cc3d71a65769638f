//! The settings, read from the environment once and typed. One error lists all mistakes. Nothing else reads the
//! environment.

mod broker;
mod duration;
mod environment;

use anyhow::bail;
use seedwork::infrastructure::{broker::KafkaSettings, schema_registry::RegistrySettings};
use std::{collections::BTreeSet, env, ffi::OsString, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

/// All settings. `.env.example` documents each variable.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `STA_LISTEN`; none: the default.
    pub(crate) listen: Option<SocketAddr>,
    /// `STA_DATA_DIR`; none: the default.
    pub(crate) data_dir: Option<PathBuf>,
    /// `STA_POSTGRES_BIN`.
    pub(crate) postgres_bin: Option<PathBuf>,
    /// `STA_CONTEXTS`; empty: all.
    pub(crate) contexts: Vec<String>,
    /// `STA_TASKS`.
    pub(crate) tasks: Tasks,
    /// `DATABASE_URL`; none: the embedded server.
    pub(crate) database_url: Option<DatabaseUrl>,
    /// `STA_DATABASE_CONNECTIONS`; none: no limit.
    pub(crate) database_connections: Option<usize>,
    /// `STA_TOPIC_PARTITIONS`.
    pub(crate) topic_partitions: i32,
    /// `KAFKA_…` and `STA_TOPIC_REPLICATION`; none: the broker over PostgreSQL.
    pub(crate) kafka: Option<KafkaSettings>,
    /// `SCHEMA_REGISTRY_…`; none: the table `schemas`.
    pub(crate) registry: Option<RegistrySettings>,
    /// `STA_HTTP_BODY_LIMIT`, in bytes.
    pub(crate) body_limit: usize,
    /// `STA_HTTP_DEADLINE_MS`.
    pub(crate) deadline: Duration,
    /// `RUST_LOG`.
    pub(crate) log: String,
    /// `STA_LOG_FORMAT`; none: pretty on a terminal, JSON elsewhere.
    pub(crate) log_format: Option<LogFormat>,
}

/// The tasks of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tasks {
    /// Serves the API over HTTP.
    pub(crate) http: bool,
    /// Relays the logs of its contexts to the broker.
    pub(crate) relay: bool,
    /// Consumes the messages that its contexts subscribe to.
    pub(crate) consumers: bool,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

/// The address of a database. It can hold a password, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Lists all wrong settings, each with its rule.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub(crate) fn from_env(known_contexts: &[&str]) -> anyhow::Result<Self> {
        Self::read(env::vars_os(), known_contexts)
    }

    fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        known_contexts: &[&str],
    ) -> anyhow::Result<Self> {
        let (variables, mistakes) = environment::ours(variables);
        let mut source = Source { variables, mistakes };
        let topic_partitions = source.get("STA_TOPIC_PARTITIONS", within(1, 1_000)).unwrap_or(6);
        let settings = Self {
            listen: source.get("STA_LISTEN", parsed("an address like 127.0.0.1:5000")),
            data_dir: source.get("STA_DATA_DIR", path),
            postgres_bin: source.get("STA_POSTGRES_BIN", path),
            contexts: source.get("STA_CONTEXTS", |text| contexts(text, known_contexts)).unwrap_or_default(),
            tasks: source.get("STA_TASKS", tasks).unwrap_or(Tasks { http: true, relay: true, consumers: true }),
            database_url: source.get("DATABASE_URL", database_url),
            database_connections: source.get("STA_DATABASE_CONNECTIONS", within(1, 100_000)),
            topic_partitions,
            kafka: broker::kafka(&mut source, topic_partitions),
            registry: broker::registry(&mut source),
            body_limit: source.get("STA_HTTP_BODY_LIMIT", within(1_024, 64 * 1024 * 1024)).unwrap_or(1024 * 1024),
            deadline: Duration::from_millis(source.get("STA_HTTP_DEADLINE_MS", within(500, 60_000)).unwrap_or(5_000)),
            log: source.get("RUST_LOG", |text| Ok(text.to_owned())).unwrap_or_else(|| "info".to_owned()),
            log_format: source.get("STA_LOG_FORMAT", log_format),
        };
        source.finish()?;
        Ok(settings)
    }
}

/// The variables that are not read yet, and the mistakes in those that are.
struct Source {
    variables: Vec<(String, String)>,
    mistakes: Vec<String>,
}

impl Source {
    /// Takes a variable. An empty one counts as not set.
    fn get<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let place = self.variables.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.variables.swap_remove(place);
        if value.is_empty() {
            return None;
        }
        parse(&value).map_err(|rule| self.mistakes.push(format!("{name} must be {rule}"))).ok()
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let unknown: BTreeSet<_> = self.variables.iter().map(|(name, _)| name).collect();
        self.mistakes.extend(unknown.into_iter().map(|name| format!("{name} is not a setting (see .env.example)")));
        if !self.mistakes.is_empty() {
            bail!("the settings are wrong:\n  {}", self.mistakes.join("\n  "));
        }
        Ok(())
    }
}

fn parsed<T: FromStr>(rule: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| rule.to_owned())
}

fn within<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
        number.ok_or_else(|| format!("a whole number from {least} to {most}"))
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn contexts(text: &str, known: &[&str]) -> Result<Vec<String>, String> {
    match list(text).count() > 0 && list(text).all(|context| known.contains(&context)) {
        true => Ok(list(text).map(str::to_owned).collect()),
        false => Err(format!("a comma list of {}", known.join(", "))),
    }
}

fn tasks(text: &str) -> Result<Tasks, String> {
    const TASKS: &str = "a comma list of http, relay, consumers";
    let none = Tasks { http: false, relay: false, consumers: false };
    let mut tasks = none;
    for task in list(text) {
        match task {
            "http" => tasks.http = true,
            "relay" => tasks.relay = true,
            "consumers" => tasks.consumers = true,
            _ => return Err(TASKS.to_owned()),
        }
    }
    if tasks == none { Err(TASKS.to_owned()) } else { Ok(tasks) }
}

fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    match seedwork::infrastructure::postgres::Database::new(text, "") {
        Ok(_) => Ok(DatabaseUrl(text.to_owned())),
        Err(_) => Err("an address like postgres://user:password@host:5432/database".to_owned()),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err("pretty or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::infrastructure::{
        broker::{Password, SecurityProtocol},
        schema_registry::MissingSchemaPolicy,
    };

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        Settings::read(variables.iter().map(|(name, value)| (name.into(), value.into())), &["ingesta", "vuelos"])
    }

    #[test]
    fn without_settings_the_defaults_apply() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.tasks, Tasks { http: true, relay: true, consumers: true });
        assert_eq!((settings.body_limit, settings.deadline), (1_048_576, Duration::from_secs(5)));
        assert_eq!((settings.topic_partitions, settings.log.as_str()), (6, "info"));
        assert!(settings.listen.is_none() && settings.kafka.is_none() && settings.registry.is_none());
        assert!(settings.database_url.is_none() && settings.data_dir.is_none() && settings.contexts.is_empty());
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(&[
            ("STA_LISTEN", "0.0.0.0:8080"),
            ("STA_DATA_DIR", "/data"),
            ("STA_POSTGRES_BIN", "/pg/bin"),
            ("STA_CONTEXTS", "ingesta, vuelos"),
            ("STA_TASKS", "relay"),
            ("DATABASE_URL", "postgres://sta@localhost/sta"),
            ("STA_DATABASE_CONNECTIONS", "40"),
            ("STA_TOPIC_PARTITIONS", "12"),
            ("STA_HTTP_BODY_LIMIT", "2048"),
            ("STA_HTTP_DEADLINE_MS", "900"),
            ("KAFKA_BROKERS", "one:9092, two:9092"),
            ("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
            ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"),
            ("KAFKA_SASL_USERNAME", "sta"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
            ("KAFKA_SSL_CA", "/ca.pem"),
            ("KAFKA_GROUP_INSTANCE_ID", "one"),
            ("STA_TOPIC_REPLICATION", "3"),
            ("STA_TOPIC_MIN_INSYNC", "3"),
            ("STA_TOPIC_RETENTION", "36h"),
            ("SCHEMA_REGISTRY_URL", "http://registry:8081"),
            ("SCHEMA_REGISTRY_USER", "sta"),
            ("SCHEMA_REGISTRY_PASSWORD", "hunter3"),
            ("SCHEMA_REGISTRY_POLICY", "refuse"),
            ("RUST_LOG", "debug"),
            ("STA_LOG_FORMAT", "json"),
        ])
        .unwrap();
        let kafka = settings.kafka.unwrap();
        assert_eq!((kafka.brokers.as_str(), kafka.security_protocol), ("one:9092,two:9092", SecurityProtocol::SaslSsl));
        assert_eq!((kafka.sasl_mechanism.as_str(), kafka.sasl_username.as_deref()), ("SCRAM-SHA-256", Some("sta")));
        assert_eq!((kafka.sasl_password, kafka.ssl_ca), (Some(Password("hunter2".into())), Some("/ca.pem".into())));
        assert_eq!((kafka.group_instance_id.as_deref(), kafka.partitions, kafka.replication), (Some("one"), 12, 3));
        assert_eq!((kafka.min_insync, kafka.retention), (Some(3), Duration::from_secs(36 * 3_600)));
        let registry = settings.registry.unwrap();
        assert_eq!((registry.url.as_str(), registry.policy), ("http://registry:8081", MissingSchemaPolicy::Refuse));
        assert_eq!(registry.credentials, Some(("sta".into(), "hunter3".into())));
        assert_eq!(settings.listen, "0.0.0.0:8080".parse().ok());
        assert_eq!(settings.data_dir, Some("/data".into()));
        assert_eq!(settings.postgres_bin, Some("/pg/bin".into()));
        assert_eq!(settings.contexts, ["ingesta", "vuelos"]);
        assert_eq!(settings.tasks, Tasks { http: false, relay: true, consumers: false });
        assert_eq!(settings.database_connections, Some(40));
        assert_eq!(settings.database_url, Some(DatabaseUrl("postgres://sta@localhost/sta".into())));
        assert_eq!((settings.topic_partitions, settings.body_limit), (12, 2_048));
        assert_eq!((settings.deadline, settings.log.as_str()), (Duration::from_millis(900), "debug"));
        assert_eq!(settings.log_format, Some(LogFormat::Json));
    }

    #[test]
    fn one_error_lists_all_mistakes_and_no_secret() {
        let wrong = [
            ("STA_LISTEN", "here"),
            ("STA_CONTEXTS", "ingesta,ventas"),
            ("STA_TASKS", "sing"),
            ("DATABASE_URL", "postgres://u:hunter2@:x"),
            ("STA_TOPIC_PARTITIONS", "0"),
            ("STA_HTTP_BODY_LIMIT", "1 MiB"),
            ("STA_HTTP_DEADLINE_MS", "-1"),
            ("STA_LOG_FORMAT", "xml"),
            ("STA_LISTNE", "127.0.0.1:1"),
            ("KAFKA_BROKERS", "somewhere"),
            ("KAFKA_SECURITY_PROTOCOL", "secret"),
            ("KAFKA_SASL_MECHANISM", "MAGIC"),
            ("STA_TOPIC_REPLICATION", "0"),
            ("STA_TOPIC_MIN_INSYNC", "0"),
            ("STA_TOPIC_RETENTION", "a week"),
            ("SCHEMA_REGISTRY_URL", "registry:8081"),
            ("SCHEMA_REGISTRY_PASSWORD", "hunter2"),
            ("SCHEMA_REGISTRY_POLICY", "maybe"),
            ("KAFKA_BROKER", "one:9092"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for (name, _) in wrong {
            assert!(error.contains(name), "{name} is not in: {error}");
        }
        assert!(!error.contains("hunter2"));
        let secrets = [
            ("DATABASE_URL", "postgres://u:hunter2@localhost/d"),
            ("KAFKA_BROKERS", "one:9092"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
            ("SCHEMA_REGISTRY_URL", "https://registry"),
            ("SCHEMA_REGISTRY_USER", "u"),
            ("SCHEMA_REGISTRY_PASSWORD", "hunter2"),
        ];
        let settings = read(&secrets).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_registry_address_with_a_password_is_refused_with_advice_and_never_printed() {
        for url in ["http://sta:hunter2@registry:8081", "https://:hunter2@registry", "http://sta:hunter2@:x"] {
            let error = read(&[("SCHEMA_REGISTRY_URL", url)]).unwrap_err().to_string();
            assert!(error.contains("SCHEMA_REGISTRY_URL must be an address"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = read(&[("SCHEMA_REGISTRY_URL", "http://sta:hunter2@registry")]).unwrap_err().to_string();
        assert!(error.contains("set SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD instead"), "{error}");
        for url in ["http://registry?key=hunter2", "http://registry#hunter2", "ftp://registry", "http:///"] {
            assert!(read(&[("SCHEMA_REGISTRY_URL", url)]).is_err(), "{url}");
        }
        let url =
            read(&[("SCHEMA_REGISTRY_URL", "http://registry:8081/apis/ccompat/v7/")]).unwrap().registry.unwrap().url;
        assert_eq!(url, "http://registry:8081/apis/ccompat/v7");
    }

    #[test]
    fn a_list_of_nothing_is_a_mistake() {
        for (name, nothing) in [("STA_TASKS", ","), ("STA_CONTEXTS", " , "), ("KAFKA_BROKERS", ",,")] {
            assert!(read(&[(name, nothing)]).unwrap_err().to_string().contains(name), "{name}");
        }
    }

    #[test]
    fn a_topic_is_kept_a_week_and_cannot_need_more_copies_than_it_has() {
        let kafka = read(&[("KAFKA_BROKERS", "one:9092")]).unwrap().kafka.unwrap();
        assert_eq!((kafka.min_insync, kafka.retention), (None, Duration::from_secs(7 * 86_400)));
        let more = [("KAFKA_BROKERS", "one:9092"), ("STA_TOPIC_REPLICATION", "2"), ("STA_TOPIC_MIN_INSYNC", "3")];
        let error = read(&more).unwrap_err().to_string();
        assert!(error.contains("STA_TOPIC_MIN_INSYNC must be at most STA_TOPIC_REPLICATION"), "{error}");
        let cluster = [("KAFKA_BROKERS", "one:9092"), ("STA_TOPIC_MIN_INSYNC", "3")];
        assert!(read(&cluster).is_ok(), "the cluster's own number of copies is not known here");
    }

    #[test]
    fn sasl_needs_a_mechanism_a_user_and_a_password() {
        let half = [("KAFKA_BROKERS", "one:9092"), ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")];
        let error = read(&half).unwrap_err().to_string();
        for name in ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] {
            assert!(error.contains(name), "{name} is not in: {error}");
        }
    }
}
