//! Finds an installed PostgreSQL. The table below lists the folders of known systems.

use std::{
    env, fmt, fs, iter,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest supported major version.
pub(crate) const OLDEST_MAJOR: u32 = 15;

/// The folders of a version's binaries on known systems. A `*` stands for any text within one folder's name.
const SYSTEM_FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // Fedora, RHEL: PostgreSQL's own packages
    "/usr/bin",                                           // Fedora, RHEL, Arch: the system's package
    "/usr/lib/postgresql*/bin",                           // openSUSE
    "/usr/libexec/postgresql*",                           // Alpine
    "/usr/local/pgsql/bin",                               // built from source
    "/usr/local/bin",                                     // FreeBSD, containers
    "/opt/homebrew/opt/postgresql@*/bin",                 // macOS: Homebrew on ARM
    "/usr/local/opt/postgresql@*/bin",                    // macOS: Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Linux: Homebrew
    "/Applications/Postgres.app/Contents/Versions/*/bin", // macOS: Postgres.app
    "/Library/PostgreSQL/*/bin",                          // macOS: EDB's installer
    "/opt/local/lib/postgresql*/bin",                     // macOS: MacPorts
];

/// The folders that are searched for binaries.
#[derive(Debug, Clone)]
pub struct Search {
    /// The folders that are searched first, as in `PATH`.
    pub path: Vec<PathBuf>,
    /// The root of the usual system folders: `/`, unless a test hides them.
    pub root: PathBuf,
}

impl Search {
    /// `PATH` and the usual folders of this machine.
    #[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not a setting of the program")]
    pub fn system() -> Self {
        let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        Self { path, root: PathBuf::from("/") }
    }
}

/// A folder with the programs that make and run a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds `initdb` and `postgres`.
    pub dir: PathBuf,
    /// The major version. It opens data directories of the same major version only.
    pub major: u32,
    /// The minor version.
    pub minor: u32,
}

impl Binaries {
    /// Checks one folder. The error is the reason, a part of a sentence.
    pub(crate) fn in_dir(dir: &Path) -> Result<Self, String> {
        Self::in_dir_by(dir, |program| Command::new(program))
    }

    /// Checks one folder by running its programs as another user.
    pub(crate) fn in_dir_by(dir: &Path, command: impl Fn(&Path) -> Command) -> Result<Self, String> {
        for name in ["initdb", "postgres"] {
            let program = dir.join(name);
            // Links are followed: Homebrew's and Debian's programs are links.
            let metadata = fs::metadata(&program).map_err(|error| format!("{name}: {error}"))?;
            if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
                return Err(format!("{name} cannot be executed"));
            }
        }
        let output = command(&dir.join("postgres")).arg("--version").output();
        let output = output.map_err(|error| format!("postgres --version: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (major, minor) = parse_version(&text).ok_or_else(|| {
            let text = if text.trim().is_empty() { String::from_utf8_lossy(&output.stderr) } else { text.clone() };
            format!("postgres --version says {:?}", text.trim())
        })?;
        if major < OLDEST_MAJOR {
            return Err(format!("it is version {major}.{minor}"));
        }
        Ok(Self { dir: resolved(dir), major, minor })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl fmt::Display for Binaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgreSQL {}.{} in {}", self.major, self.minor, self.dir.display())
    }
}

/// All usable binaries, best first: those of `PATH` in its order, then the usual folders' with the newest first.
pub fn find_binaries(search: &Search) -> Vec<Binaries> {
    let mut usual: Vec<_> =
        SYSTEM_FOLDERS.iter().flat_map(|pattern| expand(&search.root, pattern)).filter_map(look_at).collect();
    usual.sort_by_key(|binaries| std::cmp::Reverse((binaries.major, binaries.minor)));
    let mut found: Vec<Binaries> = Vec::new();
    for binaries in search.path.iter().cloned().filter_map(look_at).chain(usual) {
        if !found.iter().any(|earlier| earlier.dir == binaries.dir) {
            found.push(binaries);
        }
    }
    found
}

/// The folder behind links such as Homebrew's `/opt/homebrew/bin/postgres`. It has the version's other programs, too.
fn resolved(dir: &Path) -> PathBuf {
    let real = dir.join("postgres").canonicalize().ok();
    let real = real.as_deref().and_then(Path::parent).filter(|real| real.join("initdb").exists());
    real.unwrap_or(dir).to_owned()
}

/// Most folders of `PATH` have no `postgres`, so only a broken one is logged.
fn look_at(dir: PathBuf) -> Option<Binaries> {
    if !dir.join("postgres").exists() || !dir.is_absolute() {
        return None;
    }
    Binaries::in_dir(&dir)
        .inspect_err(|reason| tracing::debug!(dir = %dir.display(), reason, "skipped a folder with PostgreSQL"))
        .ok()
}

/// The folders below `root` that match a pattern of the table.
fn expand(root: &Path, pattern: &str) -> Vec<PathBuf> {
    pattern.split('/').filter(|step| !step.is_empty()).fold(vec![root.to_owned()], |dirs, step| {
        dirs.iter().flat_map(|dir| children(dir, step)).filter(|dir| dir.is_dir()).collect()
    })
}

fn children(dir: &Path, step: &str) -> Vec<PathBuf> {
    let Some((before, after)) = step.split_once('*') else { return vec![dir.join(step)] };
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut matching: Vec<_> = names
        .filter(|name| {
            let name = name.to_string_lossy();
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        })
        .map(|name| dir.join(name))
        .collect();
    matching.sort();
    matching
}

/// Reads `postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)`, also of a development version such as `18beta1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.trim().strip_prefix("postgres (PostgreSQL) ")?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>).chain(iter::repeat(Ok(0)));
    Some((numbers.next()?.ok()?, numbers.next()?.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_spelling() {
        assert_eq!(Some((15, 10)), parse_version("postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)\n"));
        assert_eq!(Some((17, 2)), parse_version("postgres (PostgreSQL) 17.2\n"));
        assert_eq!(Some((18, 0)), parse_version("postgres (PostgreSQL) 18devel\n").map(|(major, _)| (major, 0)));
        assert_eq!(None, parse_version("postgres: not found"));
        assert_eq!(None, parse_version(""));
    }

    #[test]
    fn every_usual_folder_of_every_system_is_found() {
        for (folder, version) in [
            ("usr/lib/postgresql/16/bin", "16.3"),
            ("usr/pgsql-17/bin", "17.1"),
            ("usr/bin", "16.1"),
            ("usr/lib/postgresql15/bin", "15.2"),
            ("usr/libexec/postgresql17", "17.0"),
            ("opt/homebrew/opt/postgresql@17/bin", "17.2"),
            ("usr/local/opt/postgresql@16/bin", "16.4"),
            ("Applications/Postgres.app/Contents/Versions/18/bin", "18.0"),
        ] {
            let root = tempfile::tempdir().unwrap();
            make_binaries(&root.path().join(folder), version);

            let found = find_binaries(&Search { path: vec![], root: root.path().to_owned() });
            let found: Vec<_> = found.iter().map(|b| (b.dir.clone(), format!("{}.{}", b.major, b.minor))).collect();
            assert_eq!(vec![(root.path().join(folder), version.to_owned())], found);
        }
    }

    #[test]
    fn the_newest_of_the_usual_folders_is_first_and_old_or_broken_ones_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        let debian = root.path().join("usr/lib/postgresql");
        for version in ["9.6", "14.11", "15.4", "17.0", "16.9"] {
            make_binaries(&debian.join(version).join("bin"), version);
        }
        make_binaries(&debian.join("18/bin"), "18.1");
        fs::remove_file(debian.join("18/bin/initdb")).unwrap();

        let found = find_binaries(&Search { path: vec![], root: root.path().to_owned() });

        assert_eq!(vec![17, 16, 15], found.iter().map(|binaries| binaries.major).collect::<Vec<_>>());
    }

    #[test]
    fn path_comes_before_the_usual_folders_and_nothing_is_found_twice() {
        let root = tempfile::tempdir().unwrap();
        let debian = root.path().join("usr/lib/postgresql/15/bin");
        let usr_bin = root.path().join("usr/bin");
        make_binaries(&debian, "15.4");
        make_binaries(&usr_bin, "17.0");

        let path = vec![root.path().join("nowhere"), debian.clone(), debian.clone()];
        let found = find_binaries(&Search { path, root: root.path().to_owned() });

        assert_eq!(vec![debian, usr_bin], found.into_iter().map(|binaries| binaries.dir).collect::<Vec<_>>());
    }

    #[test]
    fn a_link_leads_to_the_folder_of_the_version() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let real = root.join("Cellar/postgresql@17/17.2/bin");
        make_binaries(&real, "17.2");
        let links = root.join("bin");
        fs::create_dir(&links).unwrap();
        for name in ["initdb", "postgres"] {
            std::os::unix::fs::symlink(real.join(name), links.join(name)).unwrap();
        }

        let found = find_binaries(&Search { path: vec![links, real.clone()], root: root.join("nothing") });

        assert_eq!(vec![real], found.into_iter().map(|binaries| binaries.dir).collect::<Vec<_>>());
    }

    #[test]
    fn the_refusal_of_a_chosen_folder_gives_the_reason() {
        let root = tempfile::tempdir().unwrap();
        make_binaries(root.path(), "14.2");
        assert_eq!("it is version 14.2", Binaries::in_dir(root.path()).unwrap_err());

        fs::remove_file(root.path().join("postgres")).unwrap();
        assert!(Binaries::in_dir(root.path()).unwrap_err().starts_with("postgres: No such file"));
    }

    /// Another process writes the files: a descriptor of ours that is open for writing could be inherited by a process
    /// that a test beside this one starts at the moment, and the system would refuse to execute the file.
    fn make_binaries(dir: &Path, version: &str) {
        let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
        let made = Command::new("sh")
            .args([
                "-c",
                r#"mkdir -p "$1" && for p in initdb postgres; do printf %s "$2" > "$1/$p"; chmod 755 "$1/$p"; done"#,
            ])
            .args(["sh".as_ref(), dir.as_os_str(), script.as_ref()])
            .status();
        assert!(made.unwrap().success());
    }
}
