//! ARCHITECTURE.md explains every public name of the engine, so that a reader can look each one up.

use super::assert_nothing;
use sta_tests::guard::{markdown, tree::Tree};
use std::collections::BTreeSet;
use syn::{Item, UseTree, Visibility};

const DOCUMENT: &str = "ARCHITECTURE.md";

/// Modules whose names only their own macro calls: the tests that `broker_conformance!` makes.
const FOR_MACROS: &[&str] = &["testing/broker"];

/// The names that the crate in `src` exports to others.
fn exports(tree: &Tree, src: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, _) in tree.ending(src, "rs").filter(|(path, _)| path.ends_with("/lib.rs")) {
        collect(tree, path, src, &mut found);
    }
    found
}

fn collect(tree: &Tree, path: &str, folder: &str, found: &mut BTreeSet<String>) {
    let text = tree.text(path).unwrap_or_default();
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
    for item in file.items {
        match item {
            Item::Use(used) if is_public(&used.vis) => leaves(&used.tree, found),
            Item::Struct(item) if is_public(&item.vis) => drop(found.insert(item.ident.to_string())),
            Item::Enum(item) if is_public(&item.vis) => drop(found.insert(item.ident.to_string())),
            Item::Trait(item) if is_public(&item.vis) => drop(found.insert(item.ident.to_string())),
            Item::Type(item) if is_public(&item.vis) => drop(found.insert(item.ident.to_string())),
            Item::Const(item) if is_public(&item.vis) => drop(found.insert(item.ident.to_string())),
            Item::Fn(item) if is_public(&item.vis) => drop(found.insert(item.sig.ident.to_string())),
            Item::Mod(module) if is_public(&module.vis) => {
                let inside = format!("{folder}/{}", module.ident);
                let files = [format!("{inside}.rs"), format!("{inside}/mod.rs")];
                for file in files.iter().filter(|file| tree.text(file).is_some()) {
                    if !FOR_MACROS.iter().any(|skipped| inside.ends_with(skipped)) {
                        collect(tree, file, &inside, found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn leaves(tree: &UseTree, found: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, found),
        UseTree::Name(name) => drop(found.insert(name.ident.to_string())),
        UseTree::Rename(rename) => drop(found.insert(rename.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|item| leaves(item, found)),
        UseTree::Glob(_) => {}
    }
}

/// The exported names that no code span of the document has.
fn unexplained(tree: &Tree, crates: &[&str]) -> Vec<String> {
    let spans = markdown::code(tree.text(DOCUMENT).unwrap_or_default());
    let explained: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.target.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let names = crates.iter().flat_map(|name| exports(tree, &format!("crates/{name}/src")));
    let missing = names.filter(|name| !explained.contains(name.as_str()));
    missing.map(|name| format!("{DOCUMENT} does not explain `{name}`, which the engine exports")).collect()
}

#[test]
fn every_public_name_of_the_engine_is_explained() {
    let tree = Tree::workspace();
    let names = tree.names("crates");
    // The functions of a crate of derives are not names that anybody calls.
    let is_engine = |name: &&str| name.starts_with("seedwork") && !name.ends_with("-derive");
    let engine: Vec<&str> = names.iter().map(String::as_str).filter(is_engine).collect();
    let found: usize = engine.iter().map(|name| exports(&tree, &format!("crates/{name}/src")).len()).sum();
    assert!(found > 100, "the names were not found");
    assert_nothing(unexplained(&tree, &engine));
}

#[test]
fn a_public_name_that_is_not_explained_is_caught() {
    let tree = |document| {
        Tree::of([
            (DOCUMENT, document),
            ("crates/x/src/lib.rs", "pub mod a;\nmod b;\npub use b::{B, C as D};"),
            ("crates/x/src/a.rs", "pub struct A;\npub(crate) struct Hidden;\nstruct Private;"),
            ("crates/x/src/b.rs", "pub struct B;\npub struct C;\npub struct E;"),
        ])
    };
    assert_eq!(unexplained(&tree("`A`, `B`, `D::new`"), &["x"]), Vec::<String>::new());
    assert_eq!(unexplained(&tree("`A` and B"), &["x"]).len(), 2);
}
