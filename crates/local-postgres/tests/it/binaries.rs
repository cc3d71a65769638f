//! The choice of binaries: installed, configured or downloaded. The downloads are real.

use std::{fs, path::Path};

use local_postgres::{Error, LocalPostgres, Search, Settings, find_binaries};

use crate::support::{Place, query};

#[tokio::test]
async fn without_any_postgresql_on_the_machine_one_is_downloaded_once_and_runs() {
    let place = Place::new();
    let cache_dir = Some(place.path().join("cache"));
    let settings = Settings { cache_dir, search: nothing(&place.path()), ..place.settings() };

    // Two starts at once, each with its own data directory.
    let second = Settings { data_dir: place.path().join("second"), ..settings.clone() };
    let (postgres, second) = tokio::join!(LocalPostgres::start(settings.clone()), LocalPostgres::start(second));
    let (postgres, second) = (postgres.unwrap(), second.unwrap());
    assert_eq!("17.2", query(&postgres.url(), "SHOW server_version").await);
    assert_eq!(postgres.binaries(), second.binaries());
    assert!(postgres.binaries().dir.starts_with(place.path().join("cache")));
    second.stop().await.unwrap();
    postgres.stop().await.unwrap();
    let mut cached: Vec<_> =
        fs::read_dir(place.path().join("cache")).unwrap().flatten().map(|e| e.file_name()).collect();
    cached.sort();
    assert_eq!(vec!["download.lock", "postgresql-17.2.0"], cached);

    // An installed PostgreSQL comes first for new data, but this data needs its own version.
    let chosen = find_binaries(&Search::system()).into_iter().find(|binaries| binaries.major != 17);
    let bin_dir = chosen.map(|binaries| binaries.dir);
    let postgres = LocalPostgres::start(Settings { bin_dir, ..settings }).await.unwrap();
    assert_eq!("17.2", query(&postgres.url(), "SHOW server_version").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_that_attaches_needs_no_binaries() {
    let place = Place::new();
    let postgres = place.start().await;
    let cache_dir = Some(place.path().join("cache"));
    let settings = Settings { cache_dir, search: nothing(&place.path()), ..place.settings() };

    let attached = LocalPostgres::start(settings).await.unwrap();

    assert_eq!(postgres.binaries(), attached.binaries());
    assert!(!place.path().join("cache").exists());
    attached.stop().await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_an_unavailable_version_is_an_error_that_names_it() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    fs::write(place.data_dir().join("postgres/PG_VERSION"), "12\n").unwrap();

    let error = LocalPostgres::start(place.settings()).await.unwrap_err();

    assert!(matches!(error, Error::NoSuchVersion { major: 12, .. }), "{error}");
    assert!(error.to_string().contains("install PostgreSQL 12"), "{error}");
}

#[tokio::test]
async fn a_chosen_folder_without_binaries_is_an_error_that_names_it() {
    let place = Place::new();
    let bin_dir = Some(place.path());

    let error = LocalPostgres::start(Settings { bin_dir, ..place.settings() }).await.unwrap_err();

    assert!(matches!(&error, Error::BinDir { path, .. } if *path == place.path()), "{error}");
}

#[tokio::test]
async fn the_machines_own_postgresql_is_used_when_it_has_one() {
    let Some(first) = find_binaries(&Search::system()).into_iter().next() else { return };
    let place = Place::new();
    let cache_dir = Some(place.path().join("cache"));

    let postgres = LocalPostgres::start(Settings { cache_dir, ..place.settings() }).await.unwrap();

    assert_eq!(&first, postgres.binaries());
    assert!(!place.path().join("cache").exists());
    postgres.stop().await.unwrap();
}

/// A search that finds nothing.
fn nothing(empty: &Path) -> Search {
    Search { path: Vec::new(), root: empty.join("nothing") }
}
