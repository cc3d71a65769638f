//! Circles between modules: siblings of a folder that import each other, directly or through other siblings.

use super::names::Named;
use std::collections::{BTreeMap, BTreeSet};

/// The number of re-exports that are followed.
const RE_EXPORTS: usize = 8;

/// The siblings that a sibling imports, each with the place of one import.
type Imports<'n> = BTreeMap<String, BTreeMap<String, &'n str>>;

/// Finds the imports that close a circle between siblings. A sibling includes all modules below it. Imports of tests do
/// not count, and neither do imports between a module and its own descendants.
///
/// `files` are the modules of a crate that are files, `names` the paths that they name.
pub fn circles(files: &BTreeSet<Vec<String>>, names: &[Named]) -> Vec<String> {
    let re_exports = re_exports(files, names);
    let mut folders: BTreeMap<Vec<String>, Imports<'_>> = BTreeMap::new();
    for name in names.iter().filter(|name| !name.in_test) {
        let path: Vec<String> = name.path.split("::").map(str::to_owned).collect();
        let (Some(from), Some(to)) = (file(files, &name.module), home(files, &re_exports, path)) else { continue };
        let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
        if let (Some(importer), Some(imported)) = (from.get(shared), to.get(shared)) {
            let imports = folders.entry(from[..shared].to_vec()).or_default();
            imports.entry(importer.clone()).or_default().entry(imported.clone()).or_insert(&name.at);
        }
    }
    let mut found = Vec::new();
    for (folder, imports) in &folders {
        for (importer, imported) in imports {
            let back = imported.iter().filter(|(sibling, _)| reaches(imports, sibling, importer));
            let folder = folder.join("::");
            found.extend(back.map(|(sibling, at)| {
                format!("{at}: in `{folder}`, `{importer}` imports `{sibling}`, which leads back to `{importer}`")
            }));
        }
    }
    found
}

/// The modules that name items of their descendants, with the last segments and the whole paths of these names.
type ReExports = BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>;

fn re_exports(files: &BTreeSet<Vec<String>>, names: &[Named]) -> ReExports {
    let mut all = ReExports::new();
    for name in names.iter().filter(|name| files.contains(&name.module)) {
        let path: Vec<String> = name.path.split("::").map(str::to_owned).collect();
        if path.len() > name.module.len() + 1 && path.starts_with(&name.module) {
            let last = path[path.len() - 1].clone();
            all.entry(name.module.clone()).or_default().insert(last, path);
        }
    }
    all
}

/// The file that holds a module or an item.
fn file(files: &BTreeSet<Vec<String>>, path: &[String]) -> Option<Vec<String>> {
    (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|prefix| files.contains(prefix))
}

/// The file that declares an item, which its path may name through re-exports.
fn home(files: &BTreeSet<Vec<String>>, re_exports: &ReExports, mut path: Vec<String>) -> Option<Vec<String>> {
    for _ in 0..RE_EXPORTS {
        let file = file(files, &path)?;
        let declared = path.get(file.len()).and_then(|item| re_exports.get(&file)?.get(item));
        match declared {
            Some(declared) if *declared != path => path.clone_from(declared),
            _ => return Some(file),
        }
    }
    None
}

fn reaches(imports: &Imports<'_>, from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(sibling) = next.pop() {
        if sibling == to {
            return true;
        }
        if seen.insert(sibling) {
            next.extend(imports.get(sibling).into_iter().flat_map(BTreeMap::keys).map(String::as_str));
        }
    }
    false
}
