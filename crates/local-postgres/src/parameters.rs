//! The parameters of the server. They are arguments instead of lines in a file, so they follow the machine and the version
//! of this program, and no file can switch off durability.

use std::{fs, path::Path};

use crate::{home::Home, log};

const MEGABYTE: u64 = 1 << 20;

/// All parameters in order. Of two with the same name, the server uses the later.
pub(crate) fn parameters(home: &Home, socket_dir: &Path, chosen: &[(String, String)]) -> Vec<(String, String)> {
    let defaults = [
        ("shared_buffers", format!("{}MB", shared_buffers(memory()) / MEGABYTE)),
        ("max_connections", "200".to_owned()),
        ("logging_collector", "on".to_owned()),
        ("log_filename", log::FILE_NAME.to_owned()),
        ("log_rotation_age", "0".to_owned()),
        ("log_rotation_size", format!("{}kB", log::FILE_SIZE / 1024)),
        // Details and statements contain values of rows.
        ("log_error_verbosity", "terse".to_owned()),
        ("log_min_error_statement", "panic".to_owned()),
    ];
    let fixed = [
        ("fsync", "on".to_owned()),
        ("full_page_writes", "on".to_owned()),
        ("synchronous_commit", "on".to_owned()),
        ("listen_addresses", String::new()),
        ("port", "5432".to_owned()),
        ("unix_socket_directories", format!("\"{}\"", socket_dir.display())),
        ("unix_socket_permissions", "0700".to_owned()),
        ("log_directory", home.log_dir().display().to_string()),
        ("cluster_name", home.cluster_name()),
    ];
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    defaults.map(owned).into_iter().chain(chosen.iter().cloned()).chain(fixed.map(owned)).collect()
}

/// An eighth of the memory, at most 512 MB: the server shares the machine with other programs.
fn shared_buffers(memory: Option<u64>) -> u64 {
    memory.map_or(128 * MEGABYTE, |memory| (memory / 8).clamp(16 * MEGABYTE, 512 * MEGABYTE))
}

/// The memory that this process may use, in bytes.
fn memory() -> Option<u64> {
    let of_machine = if cfg!(target_os = "linux") {
        fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of_meminfo(&text))
    } else {
        let output = std::process::Command::new("sysctl").args(["-n", "hw.memsize"]).output().ok();
        output.and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse().ok())
    };
    // A container sees the memory of the whole machine but has a limit. Without a limit, the file contains "max".
    let of_container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    of_machine.into_iter().chain(of_container).min()
}

fn total_of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_buffers_are_an_eighth_of_the_memory_within_limits() {
        assert_eq!(256 * MEGABYTE, shared_buffers(Some(2048 * MEGABYTE)));
        assert_eq!(512 * MEGABYTE, shared_buffers(Some(64 * 1024 * MEGABYTE)));
        assert_eq!(16 * MEGABYTE, shared_buffers(Some(64 * MEGABYTE)));
        assert_eq!(128 * MEGABYTE, shared_buffers(None));
    }

    #[test]
    fn the_memory_of_a_linux_machine_is_read() {
        assert_eq!(Some(24_684_192 * 1024), total_of_meminfo("MemTotal:       24684192 kB\nMemFree:  1 kB\n"));
        assert_eq!(None, total_of_meminfo("MemFree:  1 kB\n"));
    }

    #[test]
    fn the_memory_of_this_machine_is_known() {
        assert!(memory().is_some_and(|memory| memory > 64 * MEGABYTE));
    }
}
