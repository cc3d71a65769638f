//! A `Cargo.toml`, read as far as the rules need it: its tables and their entries, one entry a line.
//!
//! This is not all of TOML. Other forms stay text, and the rules demand the plain one.

/// One `key = value` of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The table it stands in: `dependencies`, `target.'cfg(unix)'.dependencies`.
    pub table: String,
    /// The key as written: `serde`, `serde.workspace`.
    pub key: String,
    /// The value as written, on one line.
    pub value: String,
}

/// The entries of a manifest, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest(Vec<Entry>);

/// One dependency of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The table it stands in.
    pub table: String,
    /// Its name, as the code knows it but for the hyphens.
    pub name: String,
    /// True if its version is the workspace's.
    pub inherited: bool,
    /// True if only a feature brings it.
    pub optional: bool,
}

impl Dependency {
    /// True if only tests, examples and benches have it.
    pub fn is_dev(&self) -> bool {
        self.table.ends_with("dev-dependencies")
    }
}

impl Manifest {
    /// Reads a manifest's text.
    pub fn parse(text: &str) -> Self {
        let (mut entries, mut table) = (Vec::new(), String::new());
        let mut lines = text.lines().map(without_comment);
        while let Some(line) = lines.next() {
            if let Some(header) = line.strip_prefix('[') {
                table = header.trim_start_matches('[').trim_end_matches(']').to_owned();
            } else if let Some((key, value)) = line.split_once('=') {
                let mut value = value.trim().to_owned();
                while depth(&value) > 0 {
                    let Some(more) = lines.next() else { break };
                    value.push_str(more);
                }
                entries.push(Entry { table: table.clone(), key: key.trim().to_owned(), value });
            }
        }
        Self(entries)
    }

    /// The value of a key.
    pub fn value(&self, table: &str, key: &str) -> Option<&str> {
        self.0.iter().find(|entry| entry.table == table && entry.key == key).map(|entry| &*entry.value)
    }

    /// The entries of a table.
    pub fn table(&self, table: &str) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.table == table)
    }

    /// Every dependency, of whatever kind, the list of the workspace aside.
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.0.iter().filter_map(dependency).collect()
    }

    /// The dependencies that a feature brings (`dep:x`).
    pub fn brought_by(&self, feature: &str) -> Vec<String> {
        let listed = self.value("features", feature).unwrap_or_default();
        listed.split('"').filter_map(|item| item.strip_prefix("dep:")).map(str::to_owned).collect()
    }
}

fn dependency(entry: &Entry) -> Option<Dependency> {
    let table = &entry.table;
    if table == "workspace.dependencies" {
        return None;
    }
    // `[dependencies.serde]` is one dependency with a table of its own.
    if let Some((kind, name)) = table.rsplit_once("dependencies.") {
        let (table, name) = (format!("{kind}dependencies"), name.to_owned());
        return Some(Dependency { table, name, inherited: entry.key == "workspace", optional: false });
    }
    if !table.ends_with("dependencies") {
        return None;
    }
    let (name, inherited) = match entry.key.split_once('.') {
        Some((name, key)) => (name, key == "workspace"),
        None => (&*entry.key, entry.value.contains("workspace = true") && !entry.value.contains("version")),
    };
    let optional = entry.value.contains("optional = true");
    Some(Dependency { table: table.clone(), name: name.to_owned(), inherited, optional })
}

/// The number of brackets that a value leaves open.
fn depth(value: &str) -> usize {
    let count = |brackets: [char; 2]| value.matches(brackets).count();
    count(['[', '{']).saturating_sub(count([']', '}']))
}

fn without_comment(line: &str) -> &str {
    let quotes_before = |at: usize| line[..at].matches('"').count();
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| quotes_before(*at) % 2 == 0);
    line[..comment.unwrap_or(line.len())].trim()
}
