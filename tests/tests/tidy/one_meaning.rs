//! One word has one meaning: no type name of the engine is declared twice.

use super::assert_nothing;
use sta_tests::guard::{rust::is_for_tests, tree::Tree};
use std::collections::BTreeMap;
use syn::Item;

/// The type names that the files below a folder declare more than once. Tests may do it.
fn names_with_two_meanings(tree: &Tree, folder: &str) -> Vec<String> {
    let mut declared = BTreeMap::<String, Vec<&str>>::new();
    for (path, text) in tree.ending(folder, "rs").filter(|(path, _)| !path[folder.len()..].contains("/tests")) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        for name in file.items.iter().filter_map(type_name) {
            declared.entry(name).or_default().push(path);
        }
    }
    let twice = declared.into_iter().filter(|(_, paths)| paths.len() > 1);
    twice.map(|(name, paths)| format!("`{name}` is declared in {}", paths.join(" and in "))).collect()
}

fn type_name(item: &Item) -> Option<String> {
    let (attributes, name) = match item {
        Item::Enum(item) => (&item.attrs, &item.ident),
        Item::Struct(item) => (&item.attrs, &item.ident),
        Item::Trait(item) => (&item.attrs, &item.ident),
        Item::Type(item) => (&item.attrs, &item.ident),
        _ => return None,
    };
    (!is_for_tests(attributes)).then(|| name.to_string())
}

#[test]
fn a_type_name_of_the_engine_has_one_meaning() {
    assert_nothing(names_with_two_meanings(&Tree::workspace(), "crates/seedwork/src"));
}

#[test]
fn a_name_with_two_meanings_is_caught() {
    let tree = Tree::of([
        ("e/src/broker.rs", "pub trait Reader {} struct Record;"),
        ("e/src/relay.rs", "struct Reader; #[cfg(test)] mod tests { struct Record; }"),
        ("e/src/http/tests.rs", "struct Record;"),
    ]);
    let wrong = names_with_two_meanings(&tree, "e/src");
    assert_eq!(wrong, ["`Reader` is declared in e/src/broker.rs and in e/src/relay.rs"]);
}
