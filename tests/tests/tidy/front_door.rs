//! The front door keeps its word: the README shows code, tests and figures that are in the workspace, in both languages.

use super::{assert_nothing, resolve};
use sta_tests::guard::{markdown, tree::Tree};
use std::collections::BTreeSet;

const ENGLISH: &str = "README.md";
const SPANISH: &str = "README.es.md";
const FIGURES: &str = "docs/benchmarks.md";

/// Each block of Rust in a document stands in the file that the link before it names, its comments left out.
fn invented_code(tree: &Tree, document: &str) -> Vec<String> {
    let text = tree.text(document).unwrap_or_default();
    let mut wrong = Vec::new();
    let mut parts = text.split("```rust\n");
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        let (block, after) = part.split_once("```").unwrap_or((part, ""));
        let links = markdown::links(before);
        let named = links.last().and_then(|link| resolve(document, &link.target)).unwrap_or_default();
        let source = without_comments(tree.text(&named).unwrap_or_default());
        for piece in block.split("\n\n").map(without_comments).filter(|piece| !source.contains(piece.as_str())) {
            let first = piece.lines().next().unwrap_or_default().to_owned();
            wrong.push(format!("{document}: `{first}` and what follows is not so in {named}"));
        }
        before = after;
    }
    wrong
}

/// The lines of code, without comments, attributes and empty lines.
fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !["//", "#["].iter().any(|start| line.trim_start().starts_with(start)));
    lines.filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect()
}

/// A link whose text is the name of a test leads to the file that has it.
fn tests_that_are_elsewhere(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for (document, text) in tree.ending("", "md") {
        for (name, target) in named_tests(text) {
            let file = resolve(document, target).and_then(|path| tree.text(&path)).unwrap_or_default();
            if !file.contains(&format!("fn {name}(")) {
                wrong.push(format!("{document}: {target} has no test `{name}`"));
            }
        }
    }
    wrong
}

/// The links of a document whose text is a test's name: `[`name`](file.rs)`.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let links = text
        .split("[`")
        .skip(1)
        .filter_map(|rest| rest.split_once("`]("))
        .map(|(name, rest)| (name, rest.split(')').next()));
    let links = links.filter_map(|(name, target)| Some((name, target?)));
    links
        .filter(|(name, target)| target.ends_with(".rs") && name.matches('_').count() > 2 && !name.contains('.'))
        .collect()
}

/// The figures of a README are those of the last run of the benchmarks, all of them: ours, the reference, the ratio.
fn old_figures(tree: &Tree, document: &str, heading: &str) -> Vec<String> {
    let figures = |text: &str| -> Vec<String> {
        let rows = markdown::rows(text).into_iter();
        rows.map(|(_, row)| row[1..].iter().take(3).map(|cell| cell.trim()).collect::<Vec<_>>().join(" | ")).collect()
    };
    let text = tree.text(document).unwrap_or_default();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let (shown, measured) = (figures(section), figures(tree.text(FIGURES).unwrap_or_default()));
    let differ = shown != measured || measured.is_empty();
    differ.then(|| format!("{document} shows {shown:?}, {FIGURES} has {measured:?}")).into_iter().collect()
}

/// Everything that a reader can follow or run in English can be followed or run in Spanish.
fn missing_in_spanish(english: &str, spanish: &str) -> Vec<String> {
    let commands = |text: &str| -> BTreeSet<String> {
        let lines = markdown::code(text).into_iter().map(|code| code.target);
        lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned()).collect()
    };
    let fenced = |text: &str| -> BTreeSet<String> {
        let blocks = text.split("```").skip(1).step_by(2);
        commands(&blocks.map(|block| format!("```{block}```\n")).collect::<String>())
    };
    let links = |text: &str| -> BTreeSet<String> {
        let targets = markdown::links(text).into_iter().map(|link| link.target);
        // The footnotes with sources are in English only.
        let inside = targets.filter(|target| !target.starts_with("https:") && !target.starts_with('#'));
        inside.filter(|target| ![ENGLISH, SPANISH].contains(&target.as_str())).collect()
    };
    let headings = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    let commands = fenced(english)
        .difference(&fenced(spanish))
        .map(|line| format!("{SPANISH} lacks `{line}`"))
        .collect::<Vec<_>>();
    let links = links(english)
        .difference(&links(spanish))
        .map(|link| format!("{SPANISH} does not lead to {link}"))
        .collect::<Vec<_>>();
    let fewer = headings(spanish) < headings(english);
    let short = fewer.then(|| format!("{SPANISH} has fewer sections than {ENGLISH}"));
    commands.into_iter().chain(links).chain(short).collect()
}

#[test]
fn the_code_of_the_readme_is_in_the_files() {
    let tree = Tree::workspace();
    assert!(tree.text(ENGLISH).unwrap_or_default().contains("```rust"), "the handler was not found");
    assert_nothing([ENGLISH, SPANISH].into_iter().flat_map(|document| invented_code(&tree, document)));
}

#[test]
fn the_tests_that_documents_link_to_exist() {
    let tree = Tree::workspace();
    assert!(!named_tests(tree.text(ENGLISH).unwrap_or_default()).is_empty(), "the promises were not found");
    assert_nothing(tests_that_are_elsewhere(&tree));
}

#[test]
fn the_figures_of_the_readme_are_those_of_the_last_run() {
    let tree = Tree::workspace();
    assert_nothing(old_figures(&tree, ENGLISH, "Measurements"));
    assert_nothing(old_figures(&tree, SPANISH, "Mediciones"));
}

#[test]
fn the_spanish_readme_is_as_complete_as_the_english() {
    let tree = Tree::workspace();
    assert_nothing(missing_in_spanish(tree.text(ENGLISH).unwrap_or_default(), tree.text(SPANISH).unwrap_or_default()));
}

#[test]
fn code_that_is_in_no_file_is_caught() {
    let source = "/// Opens.\n#[derive(Debug)]\npub struct A {\n    // Why.\n    b: u8,\n}\n\nfn f() {}\n";
    let wrong = |block: &str| {
        let readme = format!("[`a.rs`](src/a.rs):\n\n```rust\n{block}```\n\nMore.\n");
        invented_code(&Tree::of([("README.md", &readme), ("src/a.rs", source)]), "README.md").len()
    };
    assert_eq!(wrong("pub struct A {\n    b: u8,\n}\n\nfn f() {}\n"), 0);
    assert_eq!(wrong("pub struct A {\n    b: u16,\n}\n\nfn f() {}\n"), 1);
    assert_eq!(wrong("fn g() {}\n"), 1);
}

#[test]
fn a_test_that_is_not_in_its_file_is_caught() {
    let wrong = |link: &str| {
        tests_that_are_elsewhere(&Tree::of([("a.md", link), ("b.rs", "fn a_test_that_is_here() {}")])).len()
    };
    assert_eq!(wrong("[`a_test_that_is_here`](b.rs) [`unit_of_work.rs`](c.rs)"), 0);
    assert_eq!(wrong("[`a_test_that_is_gone`](b.rs)"), 1);
    assert_eq!(wrong("[`a_test_that_is_here`](c.rs)"), 1);
}

#[test]
fn figures_of_another_run_are_caught() {
    let measured = "| b | ours | reference | ratio | spread |\n|---|---|---|---|---|\n| x | 2 | 1 | 2.00 | 1 - 3 |\n";
    let wrong = |row: &str| {
        let head = "| b | ours | reference | ratio |\n|---|---|---|---|";
        let readme = format!("# A\n\n## Costs\n\n{head}\n{row}\n\n## More\n");
        old_figures(&Tree::of([("README.md", &readme), (FIGURES, measured)]), "README.md", "Costs").len()
    };
    assert_eq!(wrong("| x | 2 | 1 | 2.00 |"), 0);
    assert_eq!(wrong("| x | 2 | 1 | 2.10 |"), 1);
    assert_eq!(wrong("| x | 2 | 1 | 2.00 |\n| y | 3 | 1 | 3.00 |"), 1);
}

#[test]
fn a_thing_that_is_missing_in_spanish_is_caught() {
    let english = "## Run\n\n```\ncargo run # start\n```\n\n[more](docs/more.md)\n";
    let missing = |spanish: &str| missing_in_spanish(english, spanish).len();
    assert_eq!(missing("## Arrancar\n\n```\ncargo run   # arrancar\n```\n\n[más](docs/more.md)\n## Más\n"), 0);
    assert_eq!(missing("## Arrancar\n\n[más](docs/more.md)\n"), 1);
    assert_eq!(missing("## Arrancar\n\n```\ncargo run\n```\n"), 1);
    assert_eq!(missing("```\ncargo run\n```\n[más](docs/more.md)\n"), 1);
}
