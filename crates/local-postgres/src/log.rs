//! The files of the server's log: a fixed number, each of a bounded size.

use std::{
    fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The name pattern of the files, in the syntax of PostgreSQL's `log_filename`.
pub(crate) const FILE_NAME: &str = "server-%Y-%m-%dT%H%M%S.log";

/// The size in bytes at which PostgreSQL begins a new file.
pub(crate) const FILE_SIZE: u64 = 1 << 20;

/// The number of files that are kept.
const FILES: usize = 8;

/// The size in bytes to which a file is cut. The name changes once a second, so a file can exceed [`FILE_SIZE`] while
/// much is logged.
const LONGEST: u64 = 2 * FILE_SIZE;

/// Removes all but the newest [`FILES`] files, and cuts those above [`LONGEST`]. The files of earlier versions, named
/// by the day of the week, are removed too: they hold values of rows.
pub(crate) fn prune(dir: &Path) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".log") {
            continue;
        }
        if !name.starts_with("server-") {
            fs::remove_file(entry.path())?;
            continue;
        }
        let metadata = entry.metadata()?;
        if metadata.len() > LONGEST {
            File::options().write(true).open(entry.path())?.set_len(LONGEST)?;
        }
        files.push((metadata.modified()?, entry.path()));
    }
    files.sort_unstable();
    files.iter().rev().skip(FILES).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_files_stay_and_none_is_too_long() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..FILES as u64 + 3 {
            let file = File::create(dir.path().join(format!("server-{n:02}.log"))).unwrap();
            file.set_len(LONGEST + n).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n)).unwrap();
        }
        for other in ["postgres-Fri.log", "notes.txt"] {
            fs::write(dir.path().join(other), "ana@clinica.example").unwrap();
        }

        prune(dir.path()).unwrap();

        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap()).collect();
        left.sort_by_key(fs::DirEntry::file_name);
        let names: Vec<_> = left.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert_eq!(names[0], "notes.txt");
        assert_eq!(names[1..], (3..FILES + 3).map(|n| format!("server-{n:02}.log")).collect::<Vec<_>>());
        assert!(left[1..].iter().all(|entry| entry.metadata().unwrap().len() == LONGEST));
    }
}
