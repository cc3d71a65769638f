//! How every client reaches the cluster, and where what librdkafka tells goes: its log to tracing, its statistics to
//! metrics.

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

/// How often librdkafka tells its statistics, in milliseconds.
const STATISTICS: &str = "5000";

/// How long it is not told again that the cluster is away.
const AGAIN: Duration = Duration::from_secs(10);

/// Where the cluster is, and how it is reached.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port` of some of its brokers, with commas between.
    pub brokers: String,
    /// Whether the connection is encrypted, and whether the client says who it is.
    pub security_protocol: SecurityProtocol,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl_mechanism: String,
    /// Who the client is.
    pub sasl_username: Option<String>,
    /// How it proves that.
    pub sasl_password: Option<Password>,
    /// The certificates of the authorities that are trusted, as PEM; none: those of the system.
    pub ssl_ca: Option<PathBuf>,
    /// A name of this process that stays over a restart, so that its share waits for it.
    pub group_instance_id: Option<String>,
    /// How many partitions a topic gets when it is made.
    pub partitions: i32,
    /// How many copies of it there are then; -1 is the cluster's own default.
    pub replication: i32,
    /// The number of copies that must have a message before it counts as safe. None: two if there are three copies or
    /// more, else the cluster's own default.
    pub min_insync: Option<i32>,
    /// The time for which a topic keeps messages.
    pub retention: Duration,
}

impl KafkaSettings {
    /// The `min.insync.replicas` of a topic when it is made; none: the cluster's own default.
    pub(super) fn min_insync(&self) -> Option<i32> {
        self.min_insync.or((self.replication >= 3).then_some(2))
    }
}

/// Whether a connection is encrypted, and whether the client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither.
    Plaintext,
    /// Encrypted.
    Ssl,
    /// The client says who it is.
    SaslPlaintext,
    /// Both.
    SaslSsl,
}

impl SecurityProtocol {
    /// As Kafka's own settings have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether the client says who it is.
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// A password, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How clients are made.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) settings: Arc<KafkaSettings>,
}

impl Connection {
    pub(super) fn new(settings: KafkaSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// A client with further settings of its own.
    pub(super) fn client<T: FromClientConfigAndContext<C>, C: ClientContext>(
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
            .set("statistics.interval.ms", STATISTICS)
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

/// What a client tells about itself.
pub(super) struct Telling;

impl ClientContext for Telling {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        measure(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tell(&error, reason);
    }
}

/// One line of librdkafka's log. That a broker is away is told once by whoever needs it; librdkafka's own lines about it
/// come with every try; what it thinks of our settings, we have thought of; what it tries again by itself is no news.
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

/// An error of the client as a whole: it goes on by itself. That the cluster is away every client tells with every try, so
/// it is passed on from time to time.
pub(super) fn tell(error: &KafkaError, reason: &str) {
    static AWAY: Mutex<Option<Instant>> = Mutex::new(None);
    let code = error.rdkafka_error_code();
    let is_away = matches!(
        code,
        Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve)
    );
    let mut told = AWAY.lock().unwrap_or_else(PoisonError::into_inner);
    if is_away && told.is_some_and(|told| told.elapsed() < AGAIN) {
        tracing::debug!(target: "librdkafka", %error, reason, "Kafka is still away");
    } else {
        tracing::warn!(target: "librdkafka", %error, reason, "the Kafka client has trouble");
        if is_away {
            *told = Some(Instant::now());
        }
    }
    drop(told);
    metrics::counter!("sta_kafka_errors_total").increment(1);
}

/// Statistics as metrics.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub(super) fn measure(statistics: &Statistics) {
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
