//! Rust sources: where a file stands in its crate's tree of modules, and what is compiled only for tests.

use std::collections::BTreeSet;
use syn::{Attribute, Item, visit::Visit};

/// A parsed source file.
pub struct Source {
    /// Its path from the workspace's root.
    pub path: String,
    /// Its module: `["crate", "domain", "ingesta"]`.
    pub module: Vec<String>,
    /// The syntax tree.
    pub file: syn::File,
}

impl Source {
    /// Parses a file of the crate whose sources are in `src`.
    pub fn parse(src: &str, path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        Self { path: path.to_owned(), module: module_of(src, path), file }
    }
}

/// The module that a file of the crate in `src` holds.
pub fn module_of(src: &str, path: &str) -> Vec<String> {
    let inside = path.strip_prefix(src).unwrap_or(path).trim_matches('/').trim_end_matches(".rs");
    let mut module: Vec<String> = std::iter::once("crate").chain(inside.split('/')).map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The modules that only tests compile: of `#[cfg(test)] mod x;` the file `x.rs` and all below it.
pub fn test_modules<'a>(sources: impl IntoIterator<Item = &'a Source>) -> BTreeSet<Vec<String>> {
    sources.into_iter().flat_map(|source| declared_for_tests(&source.module, &source.file.items)).collect()
}

fn declared_for_tests(module: &[String], items: &[Item]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for item in items {
        let Item::Mod(declared) = item else { continue };
        let inner = [module, &[declared.ident.to_string()]].concat();
        if is_for_tests(&declared.attrs) {
            found.push(inner);
        } else if let Some((_, items)) = &declared.content {
            found.extend(declared_for_tests(&inner, items));
        }
    }
    found
}

/// Returns true for `#[test]`, and for a `#[cfg(…)]` that asks for `test` or the feature `testing`.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.segments.last().is_some_and(|last| last.ident == "test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else { return false };
        path.is_ident("cfg") && asks_for_tests(&list.tokens.to_string())
    })
}

/// `any(unix, test)` is compiled outside tests, too, but a condition with `test` marks a helper of tests.
fn asks_for_tests(condition: &str) -> bool {
    let mut words = condition.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    !condition.contains("not") && words.any(|word| word == "test" || word == "testing")
}

/// The string literals of a file outside its tests.
pub fn strings(file: &syn::File) -> BTreeSet<String> {
    let mut literals = Literals::default();
    literals.visit_file(file);
    literals.0
}

#[derive(Default)]
struct Literals(BTreeSet<String>);

impl<'a> Visit<'a> for Literals {
    fn visit_lit_str(&mut self, literal: &'a syn::LitStr) {
        self.0.insert(literal.value());
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        self.0.extend(super::tokens::strings(called.tokens.clone()));
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }
}
