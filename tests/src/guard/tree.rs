//! The files of the workspace as a value, so that a test can show a rule files that do not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Folders without files of the project.
const NOT_OURS: &[&str] = &["target", "node_modules"];

/// Files by their path from the workspace's root, with `/` between folders. What is not text has an empty text.
#[derive(Debug, Clone, Default)]
pub struct Tree(BTreeMap<String, String>);

impl Tree {
    /// The workspace as it is on disk, without hidden folders and build output.
    pub fn workspace() -> Self {
        let root = root();
        let mut files = BTreeMap::new();
        read(&root, &root, &mut files);
        Self(files)
    }

    /// A small tree for a rule's own test.
    pub fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Returns true if there is a file or a folder with this path. The root is the empty path.
    pub fn has(&self, path: &str) -> bool {
        path.is_empty() || self.0.contains_key(path) || self.under(path).next().is_some()
    }

    /// The files below a folder, at any depth: path and text.
    pub fn under(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.0.iter().filter(move |(path, _)| path.starts_with(&prefix)).map(|(path, text)| (&**path, &**text))
    }

    /// The files below a folder whose names end with `.extension`.
    pub fn ending<'a>(&'a self, folder: &str, extension: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.under(folder).filter(move |(path, _)| path.rsplit_once('.').is_some_and(|(_, end)| end == extension))
    }

    /// The names of what is directly in a folder.
    pub fn names(&self, folder: &str) -> BTreeSet<String> {
        let skip = if folder.is_empty() { 0 } else { folder.len() + 1 };
        self.under(folder).filter_map(|(path, _)| path[skip..].split('/').next()).map(str::to_owned).collect()
    }

    /// The bounded contexts: the crates that have a domain, the seedwork aside.
    pub fn contexts(&self) -> Vec<String> {
        let crates = self.names("crates").into_iter().filter(|name| name != "seedwork");
        crates.filter(|name| self.under(&format!("crates/{name}/src/domain")).next().is_some()).collect()
    }
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the member `tests` is in a folder of the root").to_owned()
}

fn read(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let entry = entry.expect("a folder can be listed");
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() {
            if (!name.starts_with('.') || name == ".ci") && !NOT_OURS.contains(&&*name) {
                read(root, &path, files);
            }
        } else if kind.is_file() {
            let from_root = path.strip_prefix(root).expect("it was found below the root");
            let steps: Vec<_> = from_root.iter().map(|step| step.to_string_lossy()).collect();
            files.insert(steps.join("/"), fs::read_to_string(&path).unwrap_or_default());
        }
    }
}
