//! The metrics for Prometheus. `/spec` publishes the docs of operations, so these are Spanish.

use super::{AppState, ContextState};
use crate::telemetry;
use actix_web::{HttpResponse, get, web};
use metrics::counter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use seedwork::{
    domain::{Clock, SystemClock},
    infrastructure::{postgres::LogState, relay::RelayProgress, supervise::Supervisor},
};
use std::{fmt::Write as _, time::Duration};

/// The buckets of durations, in seconds: from an answer out of memory to the deadline of a request.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// The buckets of the number of units in a commit.
const UNITS: [f64; 8] = [1.0, 2.0, 8.0, 32.0, 128.0, 256.0, 512.0, 1024.0];

/// The time between two drains of the histograms: each measured value is kept until then, even if nothing scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder.
///
/// # Errors
///
/// Another recorder is installed already.
pub(super) fn record(supervisor: &Supervisor) -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_units".to_owned()), &UNITS)?
        .install_recorder()?;
    let kept = recorder.clone();
    supervisor.spawn("metrics", move |stop| {
        let kept = kept.clone();
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
                kept.run_upkeep();
            }
        }
    });
    Ok(recorder)
}

/// Da las métricas.
///
/// En el formato de texto de Prometheus.
#[utoipa::path(
    tag = "operación",
    responses((
        status = 200,
        description = "Las métricas.",
        body = String,
        content_type = "text/plain",
        example = json!("# TYPE sta_log_last gauge\nsta_log_last{context=\"ingesta\"} 1000\n"),
    )),
)]
#[get("/metrics")]
pub(super) async fn scrape(handle: web::Data<PrometheusHandle>, state: web::Data<AppState>) -> HttpResponse {
    metrics_process::Collector::default().collect();
    counter!("sta_log_lines_dropped_total").absolute(telemetry::dropped_lines());
    let body = handle.render() + &log_gauges(&state.contexts);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(body)
}

/// Returns the gauges of the logs and of their relays, whichever process writes and relays. A gauge of the recorder would
/// keep its last value for ever; a value that is not known is absent here.
fn log_gauges(contexts: &[ContextState]) -> String {
    type Value = fn(&RelayProgress, LogState) -> f64;
    let gauges: [(&str, Value); 6] = [
        ("sta_log_last", |progress, _| progress.last as f64),
        ("sta_log_room", |progress, log| (log.until() - progress.last).max(0) as f64),
        ("sta_log_depth", |progress, _| (progress.last - progress.cursor).max(0) as f64),
        ("sta_relay_cursor", |progress, _| progress.cursor as f64),
        ("sta_relay_withheld", |progress, _| progress.withheld as f64),
        ("sta_log_oldest_age_seconds", |progress, _| {
            progress.oldest.map_or(0.0, |oldest| (SystemClock.now() - oldest).as_seconds_f64().max(0.0))
        }),
    ];
    let known: Vec<_> = contexts
        .iter()
        .filter_map(|context| Some((context.name, context.relay.borrow().progress?, *context.running.log.borrow())))
        .collect();
    let mut text = String::new();
    for (name, value) in gauges.into_iter().filter(|_| !known.is_empty()) {
        let _ = writeln!(text, "# TYPE {name} gauge");
        for (context, progress, log) in &known {
            let _ = writeln!(text, "{name}{{context=\"{context}\"}} {}", value(progress, *log));
        }
    }
    text
}
