//! Rights: other users, closed and foreign folders, and root.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use local_postgres::{Error, LocalPostgres, Settings};

use crate::support::{Place, User, query, refusal};

/// A uid without an account.
const STRANGER: u32 = 54_321;

#[tokio::test]
async fn other_users_do_not_reach_the_socket_the_data_or_the_locks() {
    let place = Place::new();
    let postgres = place.start().await;

    for private in ["run", "postgres", "log", "local-postgres.lock", "users.lock", "start.log"] {
        let metadata = fs::metadata(place.data_dir().join(private)).unwrap();
        assert_eq!(0, metadata.mode() & 0o077, "{private}");
        assert!(!may_as(STRANGER, "-r", &place.data_dir().join(private)), "{private}");
    }
    assert!(!may_as(STRANGER, "-x", &place.data_dir().join("run")));
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_with_other_contents_is_an_error_that_names_it() {
    let place = Place::new();
    fs::create_dir(place.data_dir()).unwrap();
    fs::write(place.data_dir().join("thesis.txt"), "…").unwrap();

    let error = LocalPostgres::start(place.settings()).await.unwrap_err();

    assert!(matches!(&error, Error::NotOurs { path } if *path == place.data_dir()), "{error}");
    assert_eq!(1, fs::read_dir(place.data_dir()).unwrap().count(), "nothing was added");
}

#[tokio::test]
async fn as_root_a_chosen_directory_below_a_closed_one_is_an_error_that_names_the_closed_one() {
    let Some((place, closed)) = closed_folder_of_root() else { return };
    let data_dir = closed.join("project/data");

    let error = LocalPostgres::start(Settings { data_dir, ..place.settings() }).await.unwrap_err();

    assert!(matches!(&error, Error::Closed { closed: named, .. } if *named == closed), "{error}");
    assert!(!closed.join("project").exists());
}

#[tokio::test]
async fn as_root_a_default_directory_below_a_closed_one_moves_to_the_systems_place() {
    let Some((place, closed)) = closed_folder_of_root() else { return };
    let data_dir = closed.join("project/data");
    let system_dir = place.path().join("var/lib/example");
    let settings = Settings { data_dir: data_dir.clone(), data_dir_is_default: true, ..place.settings() };

    let postgres = LocalPostgres::start(Settings { system_dir: system_dir.clone(), ..settings }).await.unwrap();

    assert_eq!(Some(data_dir.as_path()), postgres.moved());
    assert_eq!(system_dir, postgres.data_dir());
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn as_root_the_server_keeps_the_owner_of_the_data() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let nobody = nobody();
    let handed_over = Command::new("chown").arg("-R").arg(nobody.to_string()).arg(place.data_dir()).status();
    assert!(handed_over.unwrap().success());

    let postgres = place.start().await;
    let process = fs::metadata(format!("/proc/{}", place.postmaster().unwrap())).unwrap();
    assert_eq!(nobody, process.uid());
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_who_is_not_root_runs_the_server_as_himself() {
    if !is_root() {
        // Every other test here shows it.
        return;
    }
    let place = Place::new();
    fs::create_dir(place.data_dir()).unwrap();
    chown(place.data_dir(), Some(nobody()), None).unwrap();
    // The account may be unable to enter the build folder. Another process makes the copy, so that no process of ours
    // inherits a file that is open for writing and cannot be executed.
    let program = place.path().join("it");
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(program);
    // Root's variables name root's folders.
    command.uid(nobody()).current_dir("/").env_remove("HOME").env_remove("XDG_CACHE_HOME");

    let mut user = User::spawn_with(&place.data_dir(), command);
    let url = user.url();

    assert_eq!(nobody(), fs::metadata(place.data_dir().join("postgres")).unwrap().uid());
    assert_eq!("1", query(&url, "SELECT 1").await);
    user.leave();
    assert_eq!(None, place.postmaster());
}

#[tokio::test]
async fn a_user_without_a_name_is_refused_before_anything_is_made() {
    if !is_root() {
        // Only root can change its user.
        return;
    }
    let place = Place::new();
    fs::create_dir(place.data_dir()).unwrap();
    chown(place.data_dir(), Some(STRANGER), None).unwrap();
    let program = place.path().join("it");
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(program);
    command.uid(STRANGER).current_dir("/").env_remove("HOME").env_remove("XDG_CACHE_HOME");

    let refused = refusal(&place.data_dir(), command);

    assert!(refused.contains("Nameless { uid: 54321 }"), "{refused}");
    assert_eq!(0, fs::read_dir(place.data_dir()).unwrap().count(), "nothing was made");
}

/// A folder that only root can enter. `None` if the tests do not run as root.
fn closed_folder_of_root() -> Option<(Place, PathBuf)> {
    let place = is_root().then(Place::new)?;
    let closed = place.path().join("closed");
    fs::create_dir(&closed).expect("the place is empty");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("it is ours");
    Some((place, closed))
}

/// A user other than root that the system knows: `initdb` needs its name.
fn nobody() -> u32 {
    nix::unistd::User::from_name("nobody").ok().flatten().expect("every system has the user nobody").uid.as_raw()
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Checks a right by a program that runs as that user, which only root can do.
fn may_as(uid: u32, right: &str, path: &Path) -> bool {
    is_root()
        && Command::new("test").arg(right).arg(path).uid(uid).gid(uid).status().is_ok_and(|status| status.success())
}
