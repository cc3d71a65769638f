//! The guards of readable sources and true documents: short files with docs, links that lead somewhere, settings that are
//! read, promises with tests.
//!
//! Each check is a function from files to what is wrong with them, and is shown an offender in `tidy/offenders.rs`.

use sta_tests::guard::{manifest::Manifest, markdown, rust, spanish, tokens, tree::Tree};
use std::collections::BTreeSet;

/// The most lines that a file may have. Split it by what it is about before it gets there.
const MOST_LINES: usize = 500;

/// Folders below `tests/` whose files are data: what a macro is shown, what a parser reads.
const DATA_FOLDERS: &[&str] = &["/ui/", "/fixtures/"];

/// The beginnings of the names of our settings; others (PATH, XDG_CACHE_HOME) belong to the machine.
const SETTINGS: &[&str] = &["STA_", "KAFKA_", "SCHEMA_REGISTRY_", "DATABASE_URL", "RUST_LOG"];

fn is_data(path: &str) -> bool {
    DATA_FOLDERS.iter().any(|folder| path.contains(folder))
}

// Sources.

fn lacks_module_doc(path: &str, text: &str) -> Option<String> {
    let silent = !is_data(path) && !text.starts_with("//!");
    silent.then(|| format!("{path}:1: begin with `//!` and say why this module exists"))
}

fn is_short(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let long = lines > MOST_LINES;
    long.then(|| format!("{path} has {lines} lines; split it, {MOST_LINES} is the most"))
}

fn lints_are_expected_with_a_reason(path: &str, text: &str) -> Vec<String> {
    let tokens: proc_macro2::TokenStream = text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
    let allowed = tokens::attributes(tokens.clone(), "allow");
    let expected = tokens::attributes(tokens, "expect").into_iter();
    let silent = expected.filter(|(_, said)| !said.to_string().contains("reason ="));
    let wrong = allowed.into_iter().chain(silent);
    wrong.map(|(line, _)| format!("{path}:{line}: write `#[expect(…, reason = \"…\")]`")).collect()
}

/// The texts for clients that lack an accent: sentences in the sources of the service and of the template.
fn texts_without_accents(path: &str, text: &str) -> Vec<String> {
    let is_test = path.ends_with("/tests.rs") || path.ends_with("/examples.rs") || path.contains("/testing");
    let tokens = if is_test { Ok(proc_macro2::TokenStream::new()) } else { text.parse() };
    let sentences = spanish::sentences(tokens.unwrap_or_else(|error| panic!("{path} is not Rust: {error}")));
    let wrong = sentences.into_iter().filter(|sentence| !spanish::unaccented(sentence).is_empty());
    wrong
        .map(|sentence| format!("{path}: {:?} without an accent in {sentence:?}", spanish::unaccented(&sentence)))
        .collect()
}

/// A context's `mod.rs` is its table of contents; only an aggregate's holds code: the aggregate.
fn is_a_table_of_contents(path: &str, text: &str) -> Option<String> {
    let is_aggregate = matches!(path.split('/').collect::<Vec<_>>()[..], [_, _, "src", "domain", _, "mod.rs"]);
    let is_contents = |item: &syn::Item| match item {
        syn::Item::Mod(module) => module.content.is_none(),
        item => matches!(item, syn::Item::Use(_)),
    };
    let has_code = path.ends_with("/mod.rs") && !is_aggregate && {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        !file.items.iter().all(is_contents)
    };
    has_code.then(|| format!("{path}: only `mod` and `use` belong here; move the code to a file with a name"))
}

/// The files below a member's `tests/` folder that no target compiles: tests that seem to pass because nobody runs them.
fn forgotten_tests(tree: &Tree, member: &str) -> Vec<String> {
    let folder = format!("{member}/tests");
    let manifest = Manifest::parse(tree.text(&format!("{member}/Cargo.toml")).unwrap_or_default());
    let listed = manifest.table("test").filter(|entry| entry.key == "path");
    let listed = listed.map(|entry| format!("{member}/{}", entry.value.trim_matches('"')));
    let mut compiled = BTreeSet::new();
    let is_target = |path: &str| {
        let inside = path[folder.len() + 1..].split('/').collect::<Vec<_>>();
        matches!(inside[..], [_] | [_, "main.rs"])
    };
    let found: Vec<&str> = tree.ending(&folder, "rs").map(|(path, _)| path).collect();
    for target in found.iter().filter(|path| is_target(path)).map(|path| (*path).to_owned()).chain(listed) {
        compile(tree, &target, true, &mut compiled);
    }
    let forgotten = found.into_iter().filter(|path| !compiled.contains(*path) && !is_data(path));
    forgotten.map(|path| format!("{path}: no target names this file in a `mod`, so its tests never run")).collect()
}

/// Follows the `mod` declarations of a file.
fn compile(tree: &Tree, path: &str, is_root: bool, compiled: &mut BTreeSet<String>) {
    let Some(file) = tree.text(path).and_then(|text| syn::parse_file(text).ok()) else { return };
    if !compiled.insert(path.to_owned()) {
        return;
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let below = if is_root || name == "mod.rs" { folder.to_owned() } else { path.trim_end_matches(".rs").to_owned() };
    for item in file.items {
        let syn::Item::Mod(module) = item else { continue };
        let named = module.attrs.iter().find_map(path_attribute);
        let name = module.ident;
        let candidates = match named {
            Some(named) => vec![format!("{folder}/{named}")],
            None => vec![format!("{below}/{name}.rs"), format!("{below}/{name}/mod.rs")],
        };
        candidates.iter().for_each(|path| compile(tree, path, false, compiled));
    }
}

/// The file that `#[path = "…"]` names.
fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }),
            ..
        }) if path.is_ident("path") => Some(file.value()),
        _ => None,
    }
}

// Documents.

/// Every relative link leads to a file or folder of ours and, with `#`, to a heading.
fn dead_links(tree: &Tree) -> Vec<String> {
    let mut dead = Vec::new();
    for (path, text) in tree.ending("", "md") {
        for link in markdown::links(text).into_iter().filter(|link| !is_elsewhere(&link.target)) {
            let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let target = if file.is_empty() { Some(path.to_owned()) } else { resolve(path, file) };
            let target = target.filter(|target| tree.has(target));
            let anchors = target.as_deref().and_then(|target| tree.text(target)).map(markdown::anchors);
            let leads = target.is_some()
                && (anchor.is_empty() || anchors.is_some_and(|anchors| anchors.iter().any(|found| found == anchor)));
            if !leads {
                dead.push(format!("{path}:{}: `{}` leads nowhere", link.line, link.target));
            }
        }
    }
    dead
}

/// True if a link leaves the repository (`https:`, `mailto:`).
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// The path of a link that stands in the document `from`; none when it leaves the workspace.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut steps: Vec<&str> = from.split('/').collect();
    steps.pop();
    for step in link.trim_end_matches('/').split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

/// The decisions are numbered from 0001 without a gap, and the index lists each.
fn untidy_decisions(tree: &Tree) -> Vec<String> {
    let index: Vec<_> = markdown::links(tree.text("docs/adr/README.md").unwrap_or_default());
    let names = tree.names("docs/adr").into_iter().filter(|name| name != "README.md" && name != "template.md");
    let mut wrong = Vec::new();
    for (at, name) in names.enumerate() {
        let number = format!("{:04}", at + 1);
        let text = tree.text(&format!("docs/adr/{name}")).unwrap_or_default();
        if !(name.starts_with(&format!("{number}-")) && name.ends_with(".md")) {
            wrong.push(format!("docs/adr/{name}: the next decision is `{number}-….md`: no gap, no number twice"));
        } else if !text.starts_with(&format!("# {number}. ")) {
            wrong.push(format!("docs/adr/{name}: begin with `# {number}. ` and the decision"));
        } else if !index.iter().any(|link| link.target.trim_start_matches("./") == name) {
            wrong.push(format!("docs/adr/README.md does not list {name}"));
        }
    }
    wrong
}

/// The commands of `just` that a document names and the justfile does not have.
fn missing_just_commands(tree: &Tree) -> Vec<String> {
    let commands: BTreeSet<_> = tree.text("justfile").unwrap_or_default().lines().filter_map(just_command).collect();
    let mut missing = Vec::new();
    for (path, text) in tree.ending("", "md") {
        for code in markdown::code(text) {
            for called in code.target.split(['&', ';', '|', '#']).filter_map(called_command) {
                if !commands.contains(called) {
                    missing.push(format!("{path}:{}: the justfile has no `{called}`", code.line));
                }
            }
        }
    }
    missing
}

/// Returns the command that a line of the justfile begins: `name param='default': dependency`.
fn just_command(line: &str) -> Option<&str> {
    let (head, body) = line.split_once(':')?;
    let name = head.split(' ').next()?.trim_start_matches('@');
    let is_name = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    (is_name && !body.starts_with('=')).then_some(name)
}

fn called_command(command: &str) -> Option<&str> {
    let mut words = command.trim().trim_start_matches("$ ").split_whitespace();
    let is_just = words.next() == Some("just");
    words.next().filter(|word| is_just && word.starts_with(|letter: char| letter.is_ascii_lowercase()))
}

/// Every row of a table in docs/delivery.md ends with the tests that prove it, and these exist.
fn unproved_rows(tree: &Tree) -> Vec<String> {
    const DOCUMENT: &str = "docs/delivery.md";
    let exists = |test: &str| tree.ending("", "rs").any(|(_, text)| text.contains(&format!("fn {test}(")));
    let mut wrong = Vec::new();
    for (line, row) in markdown::rows(tree.text(DOCUMENT).unwrap_or_default()) {
        let proof = row.last().map(|cell| markdown::code(cell)).unwrap_or_default();
        if proof.is_empty() {
            wrong.push(format!("{DOCUMENT}:{line}: the row names no test"));
        }
        let missing = proof.iter().filter(|test| !exists(&test.target));
        wrong.extend(missing.map(|test| format!("{DOCUMENT}:{line}: there is no test `{}`", test.target)));
    }
    wrong
}

// Settings.

fn is_setting(name: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter));
    is_name(name)
        && SETTINGS
            .iter()
            .any(|start| if start.ends_with('_') { name.starts_with(start) && name != *start } else { name == *start })
}

/// The settings that the code reads: what `settings.rs` and `settings/*.rs` hold as text.
fn read_settings(tree: &Tree) -> BTreeSet<String> {
    let files =
        tree.ending("crates", "rs").filter(|(path, _)| path.ends_with("/settings.rs") || path.contains("/settings/"));
    let texts = files.flat_map(|(path, text)| {
        rust::strings(&syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}")))
    });
    texts.filter(|text| is_setting(text)).collect()
}

/// The settings of `.env.example`: `NAME=value`, commented out or not.
fn documented_settings(tree: &Tree) -> BTreeSet<String> {
    let lines = tree.text(".env.example").unwrap_or_default().lines();
    let names = lines.filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('=')).map(|(name, _)| name);
    names.filter(|name| is_setting(name)).map(str::to_owned).collect()
}

fn settings_that_differ(read: &BTreeSet<String>, documented: &BTreeSet<String>) -> Vec<String> {
    let silent = read.difference(documented).map(|name| format!("{name} is read: add it to .env.example"));
    let dead = documented.difference(read).map(|name| format!("{name} is in .env.example, but nothing reads it"));
    silent.chain(dead).collect()
}

// The workspace is tidy.

#[track_caller]
fn assert_nothing(wrong: impl IntoIterator<Item = String>) {
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_source_has_a_module_doc_and_is_short() {
    let tree = Tree::workspace();
    assert!(tree.ending("", "rs").count() > 20, "the sources were not found");
    assert_nothing(tree.ending("", "rs").filter_map(|(path, text)| lacks_module_doc(path, text)));
    assert_nothing(tree.ending("", "rs").filter_map(|(path, text)| is_short(path, text)));
}

#[test]
fn lints_are_silenced_only_with_a_reason() {
    let tree = Tree::workspace();
    let sources = tree.ending("", "rs").filter(|(path, _)| !is_data(path));
    assert_nothing(sources.flat_map(|(path, text)| lints_are_expected_with_a_reason(path, text)));
}

#[test]
fn texts_for_clients_have_their_accents() {
    let tree = Tree::workspace();
    let sources = tree.ending("crates", "rs").filter(|(path, _)| path.contains("/src/"));
    assert_nothing(sources.flat_map(|(path, text)| texts_without_accents(path, text)));
}

#[test]
fn the_mod_files_of_contexts_are_tables_of_contents() {
    let tree = Tree::workspace();
    for context in tree.contexts() {
        let sources = tree.ending(&format!("crates/{context}/src"), "rs").collect::<Vec<_>>();
        assert_nothing(sources.into_iter().filter_map(|(path, text)| is_a_table_of_contents(path, text)));
    }
}

#[test]
fn no_test_is_forgotten() {
    let tree = Tree::workspace();
    let crates = tree.names("crates").into_iter().map(|name| format!("crates/{name}"));
    for member in crates.chain(["tests".to_owned()]) {
        assert_nothing(forgotten_tests(&tree, &member));
    }
}

#[test]
fn every_link_leads_somewhere() {
    assert_nothing(dead_links(&Tree::workspace()));
}

#[test]
fn decisions_are_numbered_and_listed() {
    let tree = Tree::workspace();
    assert!(tree.has("docs/adr/0001-unit-of-work-as-a-value.md"), "the decisions were not found");
    assert_nothing(untidy_decisions(&tree));
}

#[test]
fn every_just_command_in_the_docs_exists() {
    assert_nothing(missing_just_commands(&Tree::workspace()));
}

#[test]
fn every_promise_of_delivery_names_a_test_that_exists() {
    let tree = Tree::workspace();
    assert!(tree.has("docs/delivery.md"), "the promises were not found");
    assert_nothing(unproved_rows(&tree));
}

#[test]
fn a_setting_that_is_documented_is_read_and_the_reverse() {
    let tree = Tree::workspace();
    let read = read_settings(&tree);
    // Until some `settings.rs` reads a setting there is nothing to compare; the next test tells when there must be.
    if !read.is_empty() {
        assert_nothing(settings_that_differ(&read, &documented_settings(&tree)));
    }
}

#[test]
fn once_the_binary_has_settings_they_are_found() {
    let tree = Tree::workspace();
    let exist = tree.has("crates/sta-api/src/settings.rs") || tree.has("crates/sta-api/src/settings");
    assert!(!exist || read_settings(&tree).contains("STA_LISTEN"), "the settings of `sta-api` are no longer found");
    assert!(documented_settings(&tree).contains("STA_LISTEN"), "`.env.example` is missing or not understood");
}

#[path = "tidy/exports.rs"]
mod exports;
#[path = "tidy/front_door.rs"]
mod front_door;
#[path = "tidy/metrics.rs"]
mod metrics;
#[path = "tidy/offenders.rs"]
mod offenders;
#[path = "tidy/one_meaning.rs"]
mod one_meaning;
#[path = "tidy/words.rs"]
mod words;
