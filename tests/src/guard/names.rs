//! Every path that a file names, made absolute: `crate`, `self`, `super`, nested `use`, renames, macros and attributes.

use super::{
    rust::{Source, is_for_tests},
    tokens,
};
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Attribute, UseTree,
    spanned::Spanned,
    visit::{self, Visit},
};

/// The number of renames of renames that are followed.
const RENAMES: usize = 16;

/// A path that is named somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Absolute: `crate::domain::Id`, `tokio::spawn`, `crate::*`.
    pub path: String,
    /// Where: the file and its line.
    pub at: String,
    /// The module in which it is named.
    pub module: Vec<String>,
    /// True if only tests compile it.
    pub in_test: bool,
    /// True if only the feature `infrastructure` compiles it, by a `#[cfg_attr(feature = "infrastructure", …)]`.
    pub with_adapters: bool,
}

impl Named {
    /// Returns true if the path is `root` or below it.
    pub fn is_within(&self, root: &str) -> bool {
        self.path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

/// Every path that is named in a source. `crates` are the names of crates that it can use, `tests` the modules that
/// only tests compile.
pub fn named(source: &Source, crates: &BTreeSet<String>, tests: &BTreeSet<Vec<String>>) -> Vec<Named> {
    let in_test = tests.iter().any(|module| source.module.starts_with(module));
    let module = source.module.clone();
    let (scopes, raw) = (BTreeMap::new(), Vec::new());
    let mut reader = Reader { file: &source.path, crates, module, in_test, with_adapters: false, scopes, raw };
    reader.visit_file(&source.file);
    reader.resolve()
}

/// The names in scope of a module that differ from their paths.
#[derive(Default)]
struct Scope {
    imports: BTreeMap<String, Vec<String>>,
    modules: BTreeSet<String>,
}

/// A path as it is written.
struct Raw {
    segments: Vec<String>,
    global: bool,
    in_use: bool,
    line: usize,
    module: Vec<String>,
    in_test: bool,
    with_adapters: bool,
}

struct Reader<'c> {
    file: &'c str,
    crates: &'c BTreeSet<String>,
    module: Vec<String>,
    in_test: bool,
    with_adapters: bool,
    scopes: BTreeMap<Vec<String>, Scope>,
    raw: Vec<Raw>,
}

impl Reader<'_> {
    fn note(&mut self, segments: Vec<String>, global: bool, in_use: bool, line: usize) {
        let (module, in_test, with_adapters) = (self.module.clone(), self.in_test, self.with_adapters);
        self.raw.push(Raw { segments, global, in_use, line, module, in_test, with_adapters });
    }

    fn import(&mut self, alias: String, target: Vec<String>) {
        if alias != "_" {
            self.scopes.entry(self.module.clone()).or_default().imports.insert(alias, target);
        }
    }

    fn note_use(&mut self, prefix: &[String], global: bool, tree: &UseTree) {
        let joined = |last: String| [prefix, &[last]].concat();
        match tree {
            UseTree::Path(path) => self.note_use(&joined(name(&path.ident)), global, &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_use(prefix, global, tree)),
            UseTree::Glob(glob) => self.note(joined("*".into()), global, true, glob.span().start().line),
            UseTree::Name(used) => self.note_import(prefix, &used.ident, &used.ident, global),
            UseTree::Rename(used) => self.note_import(prefix, &used.ident, &used.rename, global),
        }
    }

    fn note_import(&mut self, prefix: &[String], ident: &syn::Ident, alias: &syn::Ident, global: bool) {
        let mut target = prefix.to_vec();
        let mut alias = name(alias);
        if ident != "self" || prefix.is_empty() {
            target.push(name(ident));
        } else if alias == "self" {
            alias = prefix[prefix.len() - 1].clone();
        }
        self.note(target.clone(), global, true, ident.span().start().line);
        self.import(alias, target);
    }

    fn note_tokens(&mut self, stream: proc_macro2::TokenStream) {
        for path in tokens::paths(stream) {
            self.note(path.segments, path.global, false, path.line);
        }
    }

    /// Runs `inside` as a part that only tests compile, when the attributes say so.
    fn within(&mut self, attributes: &[Attribute], inside: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= is_for_tests(attributes);
        inside(self);
        self.in_test = before;
    }

    fn resolve(&self) -> Vec<Named> {
        let absolute = self.raw.iter().filter_map(|raw| {
            let at = format!("{}:{}", self.file, raw.line);
            let path = self.absolute(raw)?.join("::");
            let (module, in_test, with_adapters) = (raw.module.clone(), raw.in_test, raw.with_adapters);
            Some(Named { path, at, module, in_test, with_adapters })
        });
        absolute.collect()
    }

    /// The absolute path; none for what the file itself declares (a type, a variant, a generic, a variable).
    fn absolute(&self, raw: &Raw) -> Option<Vec<String>> {
        let mut segments = raw.segments.clone();
        if raw.global {
            return Some(segments);
        }
        for _ in 0..RENAMES {
            let (first, rest) = segments.split_first()?;
            match first.as_str() {
                "crate" => return Some(segments),
                "self" => return Some([raw.module.as_slice(), rest].concat()),
                "super" => {
                    let up = segments.iter().take_while(|segment| *segment == "super").count();
                    let kept = raw.module.len().saturating_sub(up).max(1);
                    return Some([&raw.module[..kept], &segments[up..]].concat());
                }
                _ => {}
            }
            let scope = self.scopes.get(&raw.module);
            let imported = scope.and_then(|scope| scope.imports.get(first));
            match imported.filter(|target| target.first() != Some(first)) {
                Some(target) => segments = [target.as_slice(), rest].concat(),
                None if scope.is_some_and(|scope| scope.modules.contains(first)) => {
                    return Some([raw.module.as_slice(), &segments].concat());
                }
                None => {
                    // `use url::Url` is in scope as `Url`, whose path begins with itself only by chance.
                    let segments = imported.map_or(segments.clone(), |target| [target.as_slice(), rest].concat());
                    return self.is_crate(&segments, raw).then_some(segments);
                }
            }
        }
        None
    }

    /// Returns true if a path begins with a crate's name: the first word of a `use`, or any known crate.
    fn is_crate(&self, segments: &[String], raw: &Raw) -> bool {
        let Some(first) = segments.first() else { return false };
        let is_known = segments.len() > 1 && (is_standard(first) || self.crates.contains(first));
        is_known || (raw.in_use && first.starts_with(|letter: char| letter.is_lowercase()))
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.within(&item.attrs, |reader| reader.note_use(&[], item.leading_colon.is_some(), &item.tree));
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
    }

    fn visit_item_extern_crate(&mut self, item: &'a syn::ItemExternCrate) {
        let target = vec![name(&item.ident)];
        self.note(target.clone(), item.ident != "self", true, item.ident.span().start().line);
        if let Some((_, alias)) = &item.rename {
            self.import(name(alias), target);
        }
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.scopes.entry(self.module.clone()).or_default().modules.insert(name(&item.ident));
        self.within(&item.attrs, |reader| {
            reader.module.push(name(&item.ident));
            visit::visit_item_mod(reader, item);
            reader.module.pop();
        });
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.within(&item.attrs, |reader| visit::visit_item_fn(reader, item));
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        self.within(&item.attrs, |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.within(&item.attrs, |reader| visit::visit_impl_item_fn(reader, item));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments = path.segments.iter().map(|segment| name(&segment.ident)).collect::<Vec<_>>();
        if segments.len() > 1 || path.leading_colon.is_some() {
            self.note(segments, path.leading_colon.is_some(), false, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        visit::visit_macro(self, called);
        self.note_tokens(called.tokens.clone());
        if called.path.is_ident("include") {
            self.note(vec!["include!".into()], true, false, called.span().start().line);
        }
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        visit::visit_attribute(self, attribute);
        if let syn::Meta::List(list) = &attribute.meta {
            let condition = list.tokens.to_string().replace(' ', "");
            self.with_adapters =
                attribute.path().is_ident("cfg_attr") && condition.starts_with("feature=\"infrastructure\",");
            self.note_tokens(list.tokens.clone());
            self.with_adapters = false;
        }
        if attribute.path().is_ident("path") {
            self.note(vec!["#[path]".into()], true, false, attribute.span().start().line);
        }
    }
}

fn name(ident: &syn::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

fn is_standard(name: &str) -> bool {
    ["std", "core", "alloc", "proc_macro", "test"].contains(&name)
}
