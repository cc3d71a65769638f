//! The settings of a caller. Everything else follows from the machine.

use std::{path::PathBuf, time::Duration};

use crate::binaries::Search;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the server: its cluster, socket, logs and locks.
    pub data_dir: PathBuf,
    /// True if `data_dir` is a default. Only then may it move to `system_dir`: see [`crate::LocalPostgres::moved`].
    pub data_dir_is_default: bool,
    /// Replaces a default `data_dir` that the server's account cannot reach, for example below `/root`.
    pub system_dir: PathBuf,
    /// The folder of `initdb` and `postgres`, if it was configured.
    pub bin_dir: Option<PathBuf>,
    /// The folder of downloaded binaries. The default is the user's cache folder, or `/var/cache` as root.
    pub cache_dir: Option<PathBuf>,
    /// The folders that are searched for binaries before a download.
    pub search: Search,
    /// Further server parameters, such as `("work_mem", "16MB")`. They cannot switch off durability or open a port.
    pub parameters: Vec<(String, String)>,
    /// The time to wait for the server, or for another process that is starting or stopping it. Recovery after a crash must
    /// fit in.
    pub deadline: Duration,
}

impl Settings {
    /// Settings for a chosen folder and defaults for everything else.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            data_dir_is_default: false,
            system_dir: PathBuf::from("/var/lib/local-postgres"),
            bin_dir: None,
            cache_dir: None,
            search: Search::system(),
            parameters: Vec::new(),
            deadline: Duration::from_secs(120),
        }
    }
}
