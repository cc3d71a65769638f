//! Clients of the cluster: their common settings, their log lines as tracing events, and their statistics as metrics.

use rdkafka::{
    ClientConfig, ClientContext, Statistics,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The interval between two statistics of librdkafka, in milliseconds.
const STATISTICS_INTERVAL: &str = "5000";

/// The shortest interval between two warnings that the cluster is unreachable.
const UNREACHABLE_INTERVAL: Duration = Duration::from_secs(10);

/// The address of the cluster, and how to connect to it.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// The `host:port` of some of its brokers, separated by commas.
    pub brokers: String,
    /// The encryption and authentication of connections.
    pub security_protocol: SecurityProtocol,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl_mechanism: String,
    /// The user name of the client.
    pub sasl_username: Option<String>,
    /// The password of the client.
    pub sasl_password: Option<Password>,
    /// A PEM file with the trusted certificate authorities. None: those of the system.
    pub ssl_ca: Option<PathBuf>,
    /// A name of this process that outlives a restart, so that its partitions wait for it.
    pub group_instance_id: Option<String>,
    /// The number of partitions of a topic that is created.
    pub partitions: i32,
    /// The number of replicas of a topic that is created. -1 is the cluster's default.
    pub replication: i32,
    /// The number of replicas that must have a message before it is acknowledged. None: two if there are three replicas
    /// or more, else the cluster's default.
    pub min_insync: Option<i32>,
    /// The time for which a topic that is created keeps messages.
    pub retention: Duration,
}

impl KafkaSettings {
    /// Returns the `min.insync.replicas` of a topic that is created. None: the cluster's default.
    pub(super) fn min_insync(&self) -> Option<i32> {
        self.min_insync.or((self.replication >= 3).then_some(2))
    }
}

/// The encryption and authentication of connections, `security.protocol` in Kafka's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Without encryption and authentication.
    Plaintext,
    /// With encryption by TLS.
    Ssl,
    /// With authentication by SASL.
    SaslPlaintext,
    /// With both.
    SaslSsl,
}

impl SecurityProtocol {
    /// Returns the name in Kafka's settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Returns true if clients authenticate.
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// A password. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Creates clients of a cluster.
#[derive(Clone)]
pub(super) struct ClientFactory {
    pub(super) settings: Arc<KafkaSettings>,
}

impl ClientFactory {
    pub(super) fn new(settings: KafkaSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// Creates a client with further settings.
    pub(super) fn create<T: FromClientConfigAndContext<C>, C: ClientContext>(
        &self,
        own: &[(&str, &str)],
        context: C,
    ) -> KafkaResult<T> {
        let settings = &self.settings;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &settings.brokers)
            .set("client.id", "sta")
            .set("security.protocol", settings.security_protocol.as_str())
            .set("statistics.interval.ms", STATISTICS_INTERVAL)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "2000")
            .set_log_level(RDKafkaLogLevel::Info);
        if settings.security_protocol.has_sasl() {
            config.set("sasl.mechanism", &settings.sasl_mechanism);
            if let (Some(username), Some(password)) = (&settings.sasl_username, &settings.sasl_password) {
                config.set("sasl.username", username).set("sasl.password", &password.0);
            }
        }
        if let Some(ca) = &settings.ssl_ca {
            config.set("ssl.ca.location", ca.to_string_lossy());
        }
        for (name, value) in own {
            config.set(*name, *value);
        }
        config.create_with_context(context)
    }
}

/// Forwards a client's log lines, errors and statistics.
pub(super) struct LoggingContext;

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        record_statistics(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

/// Logs a line of librdkafka. Lines about settings, about offset commits that fail and about retries for a producer id
/// are logged at `debug`: they need no action.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        _ if ["CONFWARN", "COMMITFAIL", "GETPID"].contains(&facility) => {
            tracing::debug!(target: "librdkafka", facility, "{message}")
        }
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        _ => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

/// Logs an error of a client, which recovers by itself. While the cluster is unreachable, each client reports it with
/// each attempt to connect, so the warning is repeated only from time to time.
pub(super) fn log_error(error: &KafkaError, reason: &str) {
    static WARNED_AT: Mutex<Option<Instant>> = Mutex::new(None);
    let code = error.rdkafka_error_code();
    let is_unreachable = matches!(
        code,
        Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve)
    );
    let mut warned_at = WARNED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if is_unreachable && warned_at.is_some_and(|warned_at| warned_at.elapsed() < UNREACHABLE_INTERVAL) {
        tracing::debug!(target: "librdkafka", %error, reason, "Kafka is still unreachable");
    } else {
        tracing::warn!(target: "librdkafka", %error, reason, "the Kafka client has trouble");
        if is_unreachable {
            *warned_at = Some(Instant::now());
        }
    }
    drop(warned_at);
    metrics::counter!("sta_kafka_errors_total").increment(1);
}

/// Records a client's statistics as metrics.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub(super) fn record_statistics(statistics: &Statistics) {
    let client = || statistics.client_type.clone();
    metrics::gauge!("sta_kafka_queued_messages", "client" => client()).set(statistics.msg_cnt as f64);
    for broker in statistics.brokers.values().filter(|broker| broker.nodeid >= 0) {
        let id = || broker.nodeid.to_string();
        let up = if broker.state == "UP" { 1.0 } else { 0.0 };
        metrics::gauge!("sta_kafka_broker_up", "client" => client(), "broker" => id()).set(up);
        if let Some(rtt) = &broker.rtt {
            let seconds = rtt.avg as f64 / 1e6;
            metrics::gauge!("sta_kafka_round_trip_seconds", "client" => client(), "broker" => id()).set(seconds);
        }
    }
}
