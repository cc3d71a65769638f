//! A foreign fuzzer sends what the OpenAPI document allows, and much that it forbids.

use sta_tests::{foreign::python, sta::Sta};
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python"]
async fn a_fuzzer_of_the_document_finds_nothing() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, settings) = (tests.join("../target/fuzzer"), tests.join("fuzzer/schemathesis.toml"));
    python(&folder, "tests/fuzzer/requirements.txt").await;
    let (_, document) = sta.raw("/spec");
    let each = ["--phases", "examples,coverage,fuzzing"];
    // One after the other: generated itineraries take minutes, and none of them is valid.
    let sequences = ["--phases", "stateful", "--exclude-path-regex", "^/vuelos/reserva(-comando)?$"];
    for phases in [&each[..], &sequences] {
        let found = tokio::process::Command::new(folder.join("bin/schemathesis"))
            .args(["--config-file", &settings.to_string_lossy()])
            // The same requests each time; `just fuzz` sends new ones.
            .args(["run", &document, "--generation-deterministic", "--no-color"])
            .args(phases)
            .current_dir(home.path())
            .output();
        let found = found.await.unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    }
    assert_eq!(sta.stop().await.0, 0);
}
