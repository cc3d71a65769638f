//! What Prometheus scrapes.

use super::Running;
use crate::telemetry;
use actix_web::{HttpResponse, get, web};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use seedwork::domain::{Clock, SystemClock};

/// The buckets of durations, in seconds: from an answer out of memory to a request's deadline.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// The buckets of counts: how many units share a commit.
const UNITS: [f64; 8] = [1.0, 2.0, 8.0, 32.0, 128.0, 256.0, 512.0, 1024.0];

/// Starts to collect.
///
/// # Errors
///
/// Another recorder is there already.
pub(super) fn record() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_units".to_owned()), &UNITS)?
        .install_recorder()?)
}

/// The metrics, as Prometheus reads them.
#[utoipa::path(tag = "operacion", responses((status = 200, description = "Metricas", content_type = "text/plain")))]
#[get("/metrics")]
pub(super) async fn scrape(handle: web::Data<PrometheusHandle>, running: web::Data<Running>) -> HttpResponse {
    metrics_process::Collector::default().collect();
    counter!("sta_log_lines_dropped_total").absolute(telemetry::dropped_lines());
    for context in &running.contexts {
        let (log, relay) = (*context.started.log.borrow(), *context.relay.borrow());
        gauge!("sta_log_last", "context" => context.name).set(log.last as f64);
        gauge!("sta_log_room", "context" => context.name).set(log.room as f64);
        if relay.leads {
            let age = relay.oldest.map_or(0.0, |oldest| (SystemClock.now() - oldest).as_seconds_f64().max(0.0));
            gauge!("sta_log_depth", "context" => context.name).set((log.last - relay.cursor).max(0) as f64);
            gauge!("sta_log_oldest_age_seconds", "context" => context.name).set(age);
        }
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}
