//! A fuzzer that is not ours asks everything that the OpenAPI document allows, and much that it forbids.

use sta_tests::{foreign::python, sta::Sta};
use std::path::Path;

/// What must hold of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance,negative_data_rejection";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python"]
async fn a_fuzzer_of_the_document_finds_nothing() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzzer");
    python(&folder, "tests/fuzzer/requirements.txt").await;
    let (_, document) = sta.raw("/spec");
    let each = ["--phases", "examples,coverage,fuzzing"];
    // One after the other. Whole itineraries are made up by the minute, and none of them can be flown.
    let sequences = ["--phases", "stateful", "--exclude-path-regex", "^/vuelos/reserva(-comando)?$"];
    for phases in [&each[..], &sequences] {
        let found = tokio::process::Command::new(folder.join("bin/schemathesis"))
            .args(["run", &document, "--checks", CHECKS, "--max-examples", "100", "--no-color"])
            // What it keeps for the next run would make this one depend on the last one.
            .args(["--generation-database", "none"])
            .args(phases)
            .current_dir(home.path())
            .output();
        let found = found.await.unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    }
    assert_eq!(sta.stop().await.0, 0);
}
