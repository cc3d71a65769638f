//! What a caller decides; everything else follows from the machine.

use std::{path::PathBuf, time::Duration};

use crate::binaries::Search;

/// How and where to run the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder that holds everything of this server: its cluster, socket, logs and locks.
    pub data_dir: PathBuf,
    /// Whether nobody chose `data_dir`. Only then may it be moved to `system_dir`: see [`crate::LocalPostgres::moved`].
    pub data_dir_is_default: bool,
    /// Takes the place of a default `data_dir` that the server's account cannot reach (below `/root`, for example).
    pub system_dir: PathBuf,
    /// The folder of `initdb` and `postgres`, if a person named one.
    pub bin_dir: Option<PathBuf>,
    /// Where downloaded binaries are kept; by default the user's cache folder, or `/var/cache` as root.
    pub cache_dir: Option<PathBuf>,
    /// Where to look for binaries before a download.
    pub search: Search,
    /// Further server parameters, such as `("work_mem", "16MB")`. They cannot switch off durability or open a port.
    pub parameters: Vec<(String, String)>,
    /// For how long to wait for the server, or for another process that is starting or stopping it. Recovery after a
    /// crash has to fit.
    pub deadline: Duration,
}

impl Settings {
    /// A server in a folder that a person chose, everything else by default.
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
