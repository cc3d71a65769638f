//! Every metric is in the table of docs/operations.md, and the table has no other.

use super::assert_nothing;
use sta_tests::guard::{rust, tree::Tree};
use std::collections::BTreeSet;

const DOCUMENT: &str = "docs/operations.md";

fn is_metric(name: &str) -> bool {
    name.starts_with("sta_") && name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_')
}

/// The names in sources that use the macros of the crate `metrics`.
fn recorded(tree: &Tree) -> BTreeSet<String> {
    let macros = ["counter!", "gauge!", "histogram!"];
    let files = tree.ending("crates", "rs").filter(|(_, text)| macros.iter().any(|name| text.contains(name)));
    let texts = files.flat_map(|(path, text)| {
        rust::strings(&syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}")))
    });
    texts.filter(|text| is_metric(text)).collect()
}

/// The names in the first column of a table.
fn documented(tree: &Tree) -> BTreeSet<String> {
    let rows = tree.text(DOCUMENT).unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| "));
    let first_columns = rows.filter_map(|row| row.split_once(" | ")).flat_map(|(first, _)| first.split('`'));
    first_columns.filter(|name| is_metric(name)).map(str::to_owned).collect()
}

fn metrics_that_differ(tree: &Tree) -> Vec<String> {
    let (recorded, documented) = (recorded(tree), documented(tree));
    let silent = recorded.difference(&documented).map(|name| format!("{name} is recorded: add it to {DOCUMENT}"));
    let dead = documented.difference(&recorded).map(|name| format!("{name} is in {DOCUMENT}, but nothing records it"));
    silent.chain(dead).collect()
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let tree = Tree::workspace();
    assert!(recorded(&tree).len() > 20, "the metrics were not found");
    assert_nothing(metrics_that_differ(&tree));
}

#[test]
fn a_metric_that_is_not_documented_or_not_recorded_is_caught() {
    let tree = Tree::of([
        ("crates/a/src/a.rs", "fn f() { metrics::counter!(\"sta_a_total\").increment(1); gauge!(\"sta_b\"); }"),
        ("crates/a/src/channel.rs", "const CHANNEL: &str = \"sta_channel\";"),
        (DOCUMENT, "| `sta_a_total`, `sta_c` | | |\nthe metric `sta_d`"),
    ]);
    assert_eq!(
        metrics_that_differ(&tree),
        ["sta_b is recorded: add it to docs/operations.md", "sta_c is in docs/operations.md, but nothing records it"]
    );
}
