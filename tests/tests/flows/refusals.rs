//! Every refusal of the contract, on the real server: status, problem and headers.

use eventually::eventually;
use serde_json::{Value, json};
use sta_tests::sta::Sta;
use std::sync::Arc;

const CREATE: &str = "/ingesta/crear-ingesta-comando";
const ALERT: &str = "/ingesta/alertar-ingesta-comando";
const UNKNOWN: &str = "0192d3a0-0000-7000-8000-000000000000";

/// Sends a body as it is. Returns the problem: its status, slug and whole text.
async fn refused(sta: &Sta, method: &str, path: &str, media: Option<&str>, body: Vec<u8>) -> (u16, String, Value) {
    let (client, url) = sta.raw(path);
    let mut request = client.request(method.parse().unwrap(), url).body(body);
    if let Some(media) = media {
        request = request.header("content-type", media);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let problem: Value = answer.json().await.unwrap_or_else(|error| panic!("{method} {path} is no problem: {error}"));
    assert_eq!(headers["content-type"], "application/problem+json", "{method} {path}");
    assert!(headers.contains_key("x-correlation-id"), "{method} {path}");
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["error"], problem["detail"], "{problem}");
    assert_eq!(problem["instance"], path.split('?').next().unwrap(), "{problem}");
    assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
    let slug = problem["type"].as_str().unwrap().trim_start_matches("/problemas/").to_owned();
    (status, slug, problem)
}

async fn json_refused(sta: &Sta, path: &str, body: &str) -> (u16, String, Value) {
    refused(sta, "POST", path, Some("application/json"), body.as_bytes().to_vec()).await
}

fn fields(problem: &Value) -> Vec<&str> {
    let violations = problem["violations"].as_array().map(Vec::as_slice).unwrap_or_default();
    violations.iter().map(|violation| violation["campo"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_the_field_and_the_rule() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let good = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string()
    };
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        body.to_string()
    };
    // Bodies of a wrong type.
    for (body, field) in [
        (String::new(), None),
        ("{".to_owned(), None),
        ("[]".to_owned(), None),
        ("null".to_owned(), None),
        ("{\"id_proveedor\": \"a\u{0}".to_owned(), None),
        ("[".repeat(100_000), None),
        (with("url_path", json!(7)), Some("url_path")),
        (with("id_paciente", json!(null)), Some("id_paciente")),
        (with("id_proveedor", json!({})), Some("id_proveedor")),
        (without("id_proveedor"), Some("id_proveedor")),
        (without("url_path"), Some("url_path")),
    ] {
        let (status, slug, problem) = json_refused(&sta, CREATE, &body).await;
        assert_eq!((status, slug.as_str()), (400, "cuerpo-invalido"), "{problem}");
        assert!(field.is_none_or(|field| fields(&problem).contains(&field)), "{field:?}: {problem}");
    }
    let (status, slug, _) = refused(&sta, "POST", CREATE, Some("application/json"), vec![b'"', 0xff, b'"']).await;
    assert_eq!((status, slug.as_str()), (400, "cuerpo-invalido"));
    // Bodies of the right type that break a rule.
    for (field, value, rule) in [
        ("url_path", "no-es-una-url".to_owned(), "url-valida"),
        ("url_path", "ftp://a.example/".to_owned(), "url-valida"),
        ("url_path", format!("https://a.example/{}", "x".repeat(2_048)), "url-valida"),
        ("id_proveedor", String::new(), "id-proveedor-valido"),
        ("id_proveedor", "   ".to_owned(), "id-proveedor-valido"),
        ("id_paciente", "x".repeat(65), "id-paciente-valido"),
        ("id_paciente", "a\u{0}b".to_owned(), "id-paciente-valido"),
    ] {
        let (status, slug, problem) = json_refused(&sta, CREATE, &with(field, json!(value))).await;
        assert_eq!((status, slug.as_str(), fields(&problem)), (422, rule, vec![field]), "{problem}");
    }
    // All broken rules at once.
    let all = json!({ "id_proveedor": "", "id_paciente": "", "url_path": "" }).to_string();
    let (status, _, problem) = json_refused(&sta, CREATE, &all).await;
    assert_eq!((status, fields(&problem)), (422, vec!["id_proveedor", "id_paciente", "url_path"]));
    // No command was done by half.
    assert_eq!(sta.get("/ingesta/todas").await.unwrap().1["items"], json!([]));
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_an_ingesta_are_refused_by_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let good = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    let id = sta.post(CREATE, &good).await.unwrap().1["id"].as_str().unwrap().to_owned();
    for (body, status, slug) in [
        (json!({ "id_ingesta": "no", "motivo": "x" }), 400, "cuerpo-invalido"),
        (json!({ "motivo": "x" }), 400, "cuerpo-invalido"),
        (json!({ "id_ingesta": id }), 400, "cuerpo-invalido"),
        (json!({ "id_ingesta": id, "motivo": null }), 400, "cuerpo-invalido"),
        (json!({ "id_ingesta": id, "motivo": " " }), 422, "motivo-valido"),
        (json!({ "id_ingesta": id, "motivo": "x".repeat(501) }), 422, "motivo-valido"),
        (json!({ "id_ingesta": UNKNOWN, "motivo": "x" }), 404, "no-encontrado"),
    ] {
        let (told, problem_slug, problem) = json_refused(&sta, ALERT, &body.to_string()).await;
        assert_eq!((told, problem_slug.as_str()), (status, slug), "{problem}");
    }
    // A motivo that the contract does not need is ignored, whatever its value.
    let body = json!({ "id_ingesta": id, "motivo": [7] });
    assert_eq!(sta.post("/ingesta/iniciar-procesamiento-ingesta-comando", &body).await.unwrap().0, 202);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_framework_is_a_problem_too() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    for (method, path, status, slug) in [
        ("GET", "/nada", 404, "no-encontrado"),
        ("GET", CREATE, 405, "metodo-no-admitido"),
        ("DELETE", "/ingesta/todas", 405, "metodo-no-admitido"),
        ("GET", "/ingesta/consulta-por-id/no-es-un-uuid", 400, "parametro-invalido"),
        ("GET", "/ingesta/consulta-por-id/0192d3a0-0000-7000-8000-000000000000", 404, "no-encontrado"),
        ("GET", "/ingesta/todas?limite=0", 400, "parametro-invalido"),
        ("GET", "/ingesta/todas?limite=201", 400, "parametro-invalido"),
        ("GET", "/ingesta/todas?limite=abc", 400, "parametro-invalido"),
        ("GET", "/ingesta/todas?estado=Nada", 400, "parametro-invalido"),
        ("GET", "/ingesta/todas?cursor=%F0", 400, "parametro-invalido"),
        ("GET", "/ingesta/todas?cursor=abc", 400, "parametro-invalido"),
    ] {
        let (told, problem_slug, problem) = refused(&sta, method, path, None, Vec::new()).await;
        assert_eq!((told, problem_slug.as_str()), (status, slug), "{method} {path}: {problem}");
    }
    for media in [None, Some("text/plain"), Some("application/xml")] {
        let (status, slug, _) = refused(&sta, "POST", CREATE, media, b"{}".to_vec()).await;
        assert_eq!((status, slug.as_str()), (415, "tipo-no-admitido"), "{media:?}");
    }
    let (status, slug, _) = json_refused(&sta, CREATE, &" ".repeat(10 * 1024 * 1024)).await;
    assert_eq!((status, slug.as_str()), (413, "demasiado-grande"));
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_for_readers_of_the_api_and_for_operators_are_served() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    assert_eq!(sta.get("/health").await.unwrap(), (200, json!({ "status": "up" })));
    assert_eq!(sta.get("/ingesta/health").await.unwrap(), (200, json!({ "status": "up" })));
    let ready = sta.becomes_ready().await;
    assert_eq!(ready["status"], "ready", "{ready}");
    assert!(ready["contexts"]["ingesta"]["log"]["room"].is_number(), "{ready}");
    let (status, spec) = sta.get("/spec").await.unwrap();
    assert_eq!((status, spec["openapi"].as_str().map(|version| &version[..3])), (200, Some("3.1")));
    assert_eq!(sta.get("/ingesta/spec").await.unwrap().1, spec);
    for path in ["/", "/docs/", "/metrics"] {
        let (client, url) = sta.raw(path);
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert!(!answer.text().await.unwrap().is_empty());
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_503_within_the_deadline_and_the_server_recovers_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let sta = Arc::new(Sta::start(home.path(), &[("STA_HTTP_DEADLINE_MS", "1000")]).await);
    let good = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    assert_eq!(sta.post(CREATE, &good).await.unwrap().0, 202);
    let postgres = sta.postgres_pid().unwrap();
    // A frozen server does not answer, and it is not started again as a dead one would be.
    freeze(postgres, "STOP");
    let asked = std::time::Instant::now();
    let (status, _, problem) = json_refused(&sta, CREATE, &good.to_string()).await;
    assert_eq!(status, 503, "{problem}");
    assert!(asked.elapsed() < std::time::Duration::from_secs(5), "{:?}", asked.elapsed());
    let (status, _, problem) =
        refused(&sta, "GET", &format!("/ingesta/consulta-por-id/{UNKNOWN}"), None, Vec::new()).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(sta.get("/health").await.unwrap().0, 200);
    freeze(postgres, "CONT");
    let again = || async { (sta.post(CREATE, &good).await.unwrap().0 == 202).then_some(()) };
    eventually("it recovers", again).await;
    assert_eq!(Arc::into_inner(sta).unwrap().stop().await.0, 0);
}

/// Signals a PostgreSQL server and then its children, the backends. A backend that ends meanwhile needs no signal.
fn freeze(postmaster: u32, signal: &str) {
    sta_tests::sta::signal(postmaster, signal);
    let children = std::process::Command::new("ps").args(["--ppid", &postmaster.to_string(), "-o", "pid="]).output();
    let children = String::from_utf8(children.unwrap().stdout).unwrap();
    for pid in children.split_whitespace() {
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), pid]).output().unwrap();
        assert!(sent.status.success() || !std::path::Path::new("/proc").join(pid).exists(), "{pid} is not signalled");
    }
}
