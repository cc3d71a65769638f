//! The rules of layers, contexts and crates. `ARCHITECTURE.md` gives the reasons.
//!
//! Each rule has a test with an offender in `architecture/offenders.rs`, and each layer must have been seen, so that a moved
//! folder cannot silence a rule.

use sta_tests::guard::{
    circles::circles,
    manifest::Manifest,
    names::{Named, named},
    rust::{Source, module_of, test_modules},
    tree::Tree,
};
use std::collections::{BTreeMap, BTreeSet};

/// The paths that a layer may name outside the standard library. All others are refused.
struct Layer {
    name: &'static str,
    may_know: &'static [&'static str],
    /// The exceptions below the allowed paths.
    never: &'static [&'static str],
    /// The further names that it may know in a `#[cfg_attr(feature = "infrastructure", …)]`: derives that describe a type.
    adapters_may_derive: &'static [&'static str],
    /// The further paths that its tests may name.
    tests_may_know: &'static [&'static str],
}

const STANDARD: &[&str] = &["std", "core", "alloc"];

/// The restricted layers of the contexts and of the seedwork. Inside the seedwork, `crate` is the seedwork.
/// `infrastructure` may name every library, but no other context.
const LAYERS: &[Layer] = &[
    Layer {
        name: "domain",
        may_know: &[
            "crate::domain",
            "seedwork::domain",
            "seedwork::choice",
            "seedwork::id",
            "seedwork::refusal",
            "seedwork::text",
            "seedwork::transitions",
            "crate::choice",
            "crate::refusal",
            "crate::text",
            "crate::transitions",
            "seedwork_derive::Aggregate",
            "chrono",
            // Tables of characters, compiled in: equal texts and visible characters.
            "icu_normalizer",
            "icu_properties",
            "thiserror",
            "url",
            "uuid",
        ],
        never: &[],
        adapters_may_derive: &[],
        tests_may_know: &["tokio", "seedwork::testing", "crate::testing"],
    },
    Layer {
        name: "application",
        may_know: &[
            "crate::application",
            "crate::domain",
            "seedwork::application",
            "seedwork::domain",
            "seedwork::id",
            "seedwork_derive::Fault",
            "seedwork_derive::IntegrationEvent",
            "chrono",
            "serde",
            "thiserror",
            "tracing",
            "url",
            "uuid",
        ],
        // Only the bus and the consumer begin, drain and commit a unit of work.
        never: &["seedwork::application::UnitOfWorkFactory", "seedwork::application::RecordedEvents"],
        adapters_may_derive: &["utoipa::ToSchema"],
        tests_may_know: &["serde_json", "tokio", "crate::choice", "seedwork::testing", "crate::testing"],
    },
];

/// Paths that belong in one place of the workspace. Tests may name them anywhere.
struct Place {
    /// The paths.
    what: &'static [&'static str],
    /// The module where they belong, in any crate. `None` if they belong nowhere in the checked crates.
    module: Option<&'static str>,
    instead: &'static str,
}

const ENVIRONMENT: Place = Place {
    what: &[
        "std::env::var",
        "std::env::var_os",
        "std::env::vars",
        "std::env::vars_os",
        "std::env::set_var",
        "std::env::remove_var",
    ],
    module: Some("settings"),
    instead: "read it in a `settings` module and hand the value on",
};

/// The only other crate that may read the environment: the PATH and the user's cache folder, and no setting of STA.
const READS_THE_MACHINE: &str = "local-postgres";

const TASKS: Place = Place {
    what: &[
        "tokio::spawn",
        "tokio::task::spawn",
        "tokio::task::spawn_local",
        "tokio::task::JoinSet",
        "actix_web::rt::spawn",
        "actix_web::rt::task",
        "tokio_util::task::TaskTracker",
        "std::thread::spawn",
    ],
    module: Some("supervise"),
    instead: "use the supervisor: it restarts, drains and reports",
};

const WRITES: Place = Place {
    what: &[
        "diesel::insert_into",
        "diesel::update",
        "diesel::delete",
        "diesel::replace_into",
        "diesel::copy_from",
        "diesel::sql_query",
        "diesel::dsl::insert_into",
        "diesel::dsl::update",
        "diesel::dsl::delete",
        "diesel::dsl::sql_query",
    ],
    module: None,
    instead: "save in the unit of work: only the committer writes, in one transaction with the events",
};

/// Crates that are not contexts, with the crates of this workspace that they may depend on (tests aside).
const EDGES: &[(&str, &[&str])] = &[
    ("eventually", &[]),
    ("local-postgres", &[]),
    ("seedwork", &["eventually", "seedwork-derive", "local-postgres"]),
    ("seedwork-derive", &[]),
];
const EDGES_OF_A_CONTEXT: &[&str] = &["seedwork"];
const EDGES_OF_A_TEST: &[&str] = &["eventually", "local-postgres", "seedwork", "seedwork-derive"];

/// The binary, which wires everything and so may depend on everything.
const BINARY: &str = "sta-api";

// What the workspace holds.

fn src(krate: &str) -> String {
    format!("crates/{krate}/src")
}

fn manifest(tree: &Tree, krate: &str) -> Manifest {
    let path = format!("crates/{krate}/Cargo.toml");
    Manifest::parse(tree.text(&path).unwrap_or_else(|| panic!("{path} is missing")))
}

/// Every path that a crate's sources name.
fn names_in(tree: &Tree, krate: &str) -> Vec<Named> {
    let dependencies = manifest(tree, krate).dependencies();
    let crates: BTreeSet<_> = dependencies.into_iter().map(|dependency| dependency.name.replace('-', "_")).collect();
    let src = src(krate);
    let sources: Vec<_> = tree.ending(&src, "rs").map(|(path, text)| Source::parse(&src, path, text)).collect();
    let tests = test_modules(&sources);
    sources.iter().flat_map(|source| named(source, &crates, &tests)).collect()
}

/// The modules of a crate that are files.
fn files_of(tree: &Tree, krate: &str) -> BTreeSet<Vec<String>> {
    let src = src(krate);
    tree.ending(&src, "rs").map(|(path, _)| module_of(&src, path)).collect()
}

fn layer_of(name: &Named) -> &str {
    name.module.get(1).map_or("", String::as_str)
}

// The rules, as functions that return the offences.

fn looks_outwards(name: &Named) -> Option<String> {
    let layer = LAYERS.iter().find(|layer| layer.name == layer_of(name))?;
    let lies_in = |roots: &[&str]| roots.iter().any(|root| name.is_within(root));
    let in_test = name.in_test && lies_in(layer.tests_may_know);
    let derived = name.with_adapters && lies_in(layer.adapters_may_derive);
    let allowed = lies_in(STANDARD) || lies_in(layer.may_know) || in_test || derived;
    let why = if !allowed {
        format!("it may know only {}", layer.may_know.join(", "))
    } else if !name.in_test && lies_in(layer.never) {
        "that is the bus's and the consumer's".to_owned()
    } else {
        return None;
    };
    Some(format!("{}: `{}` names `{}`, but {why}", name.at, layer.name, name.path))
}

fn out_of_place(name: &Named, place: &Place) -> Option<String> {
    let at_home = place.module.is_some_and(|home| name.module.iter().any(|module| module == home));
    let is_test = name.in_test || layer_of(name) == "testing";
    let offends = !at_home && !is_test && place.what.iter().any(|what| name.is_within(what));
    offends.then(|| format!("{}: `{}` does not belong here: {}", name.at, name.path, place.instead))
}

fn names_a_context(name: &Named, own: &str, contexts: &[String]) -> Option<String> {
    let other = contexts.iter().find(|context| *context != own && name.is_within(&context.replace('-', "_")))?;
    let at = &name.at;
    Some(format!("{at}: `{own}` names the context `{other}`; contexts share `schema/` and the broker, never code"))
}

fn unplaced_crates(tree: &Tree) -> Vec<String> {
    let contexts = tree.contexts();
    let is_known = |krate: &str| krate == BINARY || EDGES.iter().any(|(known, _)| *known == krate);
    let is_empty = |krate: &str| {
        let items = tree.text(&format!("{}/lib.rs", src(krate))).and_then(|text| syn::parse_file(text).ok());
        items.is_some_and(|file| file.items.is_empty()) && tree.ending(&src(krate), "rs").count() == 1
    };
    let crates = tree.names("crates").into_iter();
    let unplaced = crates.filter(|krate| !is_known(krate) && !contexts.contains(krate) && !is_empty(krate));
    unplaced
        .map(|krate| format!("crates/{krate} is neither a context (no `src/domain`) nor in the table EDGES"))
        .collect()
}

fn unseen_layers(tree: &Tree, krate: &str, names: &[Named]) -> Vec<String> {
    let judged: BTreeSet<_> = names.iter().map(layer_of).collect();
    let inner = LAYERS.iter().map(|layer| layer.name).filter(|layer| !judged.contains(layer));
    let outer = ["infrastructure"].into_iter().filter(|layer| !tree.has(&format!("{}/{layer}", src(krate))));
    inner.chain(outer).map(|layer| format!("crates/{krate}: nothing seen in `{layer}`: did the layout move?")).collect()
}

fn edges_outwards(krate: &str, manifest: &Manifest, members: &BTreeSet<String>) -> Vec<String> {
    let edges = EDGES.iter().find(|(known, _)| *known == krate).map_or(EDGES_OF_A_CONTEXT, |(_, edges)| edges);
    let allowed = |name: &str, is_dev| edges.contains(&name) || (is_dev && EDGES_OF_A_TEST.contains(&name));
    let local = manifest.dependencies().into_iter().filter(|dependency| members.contains(&dependency.name));
    let wrong = local.filter(|dependency| !allowed(&dependency.name, dependency.is_dev()));
    wrong.map(|dependency| format!("crates/{krate} depends on `{}`: that looks outwards", dependency.name)).collect()
}

fn eager_adapters(krate: &str, manifest: &Manifest) -> Vec<String> {
    let inner: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.may_know).copied().map(root_of).collect();
    let behind: Vec<_> =
        ["infrastructure", "testing", "testing-postgres"].map(|feature| manifest.brought_by(feature)).concat();
    let plain = manifest.dependencies().into_iter().filter(|dependency| !dependency.is_dev());
    let adapters = plain.filter(|dependency| !inner.contains(&*dependency.name.replace('-', "_")));
    let eager = adapters.filter(|adapter| !adapter.optional || !behind.contains(&adapter.name));
    let wrong =
        |name| format!("crates/{krate}: `{name}` must be `optional = true` and `dep:{name}` in `infrastructure`");
    eager.map(|adapter| wrong(adapter.name)).collect()
}

fn root_of(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn stray_versions(path: &str, manifest: &Manifest) -> Vec<String> {
    let stray = manifest.dependencies().into_iter().filter(|dependency| !dependency.inherited);
    let wrong = |name| format!("{path}: write `{name}.workspace = true`; its version stands in the root manifest");
    stray.map(|dependency| wrong(dependency.name)).collect()
}

fn missing_lints(path: &str, manifest: &Manifest) -> Option<String> {
    let inherits = manifest.value("lints", "workspace") == Some("true");
    (!inherits).then(|| format!("{path}: add `[lints]` with `workspace = true`"))
}

/// A query is two files of the same name: its question and view in `application`, its answer in `infrastructure`.
fn unpaired_queries(tree: &Tree, context: &str) -> Vec<String> {
    let [questions, answers] =
        ["application", "infrastructure"].map(|layer| format!("{}/{layer}/queries", src(context)));
    let asks = |path: &str| tree.text(path).is_some_and(|text| text.contains("impl Query for "));
    let answered = |path: &str| tree.text(path).is_some_and(|text| text.contains("impl QueryHandler<"));
    let found: Vec<&str> = tree.ending(&questions, "rs").map(|(path, _)| path).filter(|path| asks(path)).collect();
    if found.is_empty() {
        return vec![format!("{questions}: no query seen there: did the layout move?")];
    }
    let answer_of = |path: &&str| path.replacen(&questions, &answers, 1);
    let unanswered = found.iter().map(answer_of).filter(|path| !answered(path));
    let unanswered = unanswered.map(|path| format!("{path}: the answer to the query of that name belongs here"));
    let sources = src(context);
    let everywhere = tree.ending(&sources, "rs").map(|(path, _)| path).filter(|path| answered(path));
    let pairs: BTreeSet<String> = found.iter().map(answer_of).collect();
    let stray = everywhere.filter(|path| !pairs.contains(*path));
    let stray = stray.map(|path| format!("{path} answers a query: that belongs in {answers}, in a file named like it"));
    unanswered.chain(stray).collect()
}

#[track_caller]
fn assert_nothing(wrong: impl IntoIterator<Item = String>) {
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

// The workspace keeps the rules.

#[test]
fn layers_only_look_inwards() {
    let tree = Tree::workspace();
    for krate in tree.contexts().into_iter().chain(["seedwork".to_owned()]) {
        let names = names_in(&tree, &krate);
        assert_nothing(unseen_layers(&tree, &krate, &names));
        assert_nothing(names.iter().filter_map(looks_outwards));
    }
}

#[test]
fn the_modules_of_the_engine_import_each_other_in_one_direction_only() {
    let tree = Tree::workspace();
    assert_nothing(circles(&files_of(&tree, "seedwork"), &names_in(&tree, "seedwork")));
}

#[test]
fn no_context_knows_another_and_the_seedwork_knows_none() {
    let tree = Tree::workspace();
    let contexts = tree.contexts();
    for krate in contexts.iter().map(String::as_str).chain(EDGES.iter().map(|(krate, _)| *krate)) {
        assert_nothing(names_in(&tree, krate).iter().filter_map(|name| names_a_context(name, krate, &contexts)));
    }
}

#[test]
fn environment_tasks_and_writes_are_in_their_places_only() {
    let tree = Tree::workspace();
    for krate in tree.names("crates") {
        let names = names_in(&tree, &krate);
        if krate != READS_THE_MACHINE {
            assert_nothing(names.iter().filter_map(|name| out_of_place(name, &ENVIRONMENT)));
        }
        assert_nothing(names.iter().filter_map(|name| out_of_place(name, &TASKS)));
    }
    for context in tree.contexts() {
        assert_nothing(names_in(&tree, &context).iter().filter_map(|name| out_of_place(name, &WRITES)));
    }
}

#[test]
fn a_query_is_two_files_of_the_same_name() {
    let tree = Tree::workspace();
    assert_nothing(tree.contexts().iter().flat_map(|context| unpaired_queries(&tree, context)));
}

#[test]
fn every_crate_has_its_place_and_depends_inwards() {
    let tree = Tree::workspace();
    assert_nothing(unplaced_crates(&tree));
    let members = tree.names("crates");
    for krate in members.iter().filter(|krate| *krate != BINARY) {
        assert_nothing(edges_outwards(krate, &manifest(&tree, krate), &members));
    }
}

#[test]
fn adapters_come_only_with_the_feature_infrastructure() {
    let tree = Tree::workspace();
    for krate in tree.contexts().into_iter().chain(["seedwork".to_owned()]) {
        assert_nothing(eager_adapters(&krate, &manifest(&tree, &krate)));
    }
}

#[test]
fn manifests_take_lints_and_versions_from_the_workspace() {
    let tree = Tree::workspace();
    let members: BTreeMap<_, _> = tree.ending("", "toml").filter(|(path, _)| path.ends_with("/Cargo.toml")).collect();
    assert!(members.contains_key("tests/Cargo.toml") && members.len() > tree.names("crates").len());
    for (path, text) in members {
        let manifest = Manifest::parse(text);
        assert_nothing(missing_lints(path, &manifest));
        assert_nothing(stray_versions(path, &manifest));
    }
}

#[path = "architecture/offenders.rs"]
mod offenders;
