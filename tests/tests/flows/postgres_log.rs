//! The log of the embedded PostgreSQL.

use serde_json::json;
use sta_tests::{clientes::natural, sta::Sta};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_leaves_no_trace_in_the_log_of_the_embedded_postgresql() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let first = natural();
    sta.clientes().registrar(first.clone()).await;
    let mut second = natural();
    second["email"] = first["email"].clone();
    assert_eq!(sta.clientes().pedir(&second).await.1["type"], "/problemas/email-registrado");
    let mut third = natural();
    third["documento"] = first["documento"].clone();
    assert_eq!(sta.clientes().pedir(&third).await.1["type"], "/problemas/documento-registrado");
    // The log is complete once the server has ended.
    assert_eq!(sta.stop().await.0, 0);

    let files: Vec<_> = fs::read_dir(home.path().join("log")).unwrap().map(|file| file.unwrap().path()).collect();
    let log: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(log.contains("database system is shut down"), "{log}");
    let values = [&first["email"], &first["documento"]["numero"], &json!("alpes.example")];
    for value in values.map(|value| value.as_str().unwrap()).into_iter().chain(["duplicate key", "STATEMENT", "INSERT"])
    {
        assert!(!log.contains(value), "{value} is in the log:\n{log}");
    }
}
