//! The user that runs the server. PostgreSQL refuses to run as root, so root uses another account, which must be able to
//! reach every folder involved. Owners and modes decide that, since root itself can enter every folder.

use std::{
    fs,
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Uid, User, geteuid};

use crate::error::{At, Error};

/// The accounts that may run a server for root, best first.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// The user that owns the cluster and runs `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    gid: u32,
    name: String,
    /// True if it is not the user of this process, which then is root.
    pub(crate) is_stand_in: bool,
}

impl Account {
    /// The user for a cluster. An existing cluster stays with its owner.
    pub(crate) fn of(cluster: &Path) -> Result<Self, Error> {
        let me = geteuid();
        let owner = match fs::metadata(cluster) {
            Ok(metadata) => Some(metadata.uid()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).at("look at", cluster),
        };
        if !me.is_root() {
            let gid = nix::unistd::getegid().as_raw();
            let account = Self { uid: me.as_raw(), gid, name: me.to_string(), is_stand_in: false };
            return match owner {
                Some(owner) if owner != account.uid => {
                    Err(Error::ForeignOwner { path: cluster.to_owned(), owner, account: account.uid })
                }
                Some(_) => Ok(account),
                None => must_have_name(me).map(|()| account),
            };
        }
        // A cluster of `nobody` stays with it even if the system gets a user `postgres` later.
        let by_owner = owner.filter(|uid| *uid != 0).and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
        let by_name = || STAND_INS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = by_owner.or_else(by_name).ok_or(Error::NoAccount)?;
        let account = Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, is_stand_in: true };
        match owner {
            Some(owner) if owner != account.uid => {
                Err(Error::ForeignOwner { path: cluster.to_owned(), owner, account: account.uid })
            }
            _ => Ok(account),
        }
    }

    /// Refuses a path that the account cannot reach. The error names the closed folder. For a path that does not exist
    /// yet, the nearest existing ancestor decides.
    pub(crate) fn must_reach(&self, path: &Path) -> Result<(), Error> {
        match self.is_stand_in.then(|| closed_directory(path, self.uid, self.gid)).flatten() {
            None => Ok(()),
            Some(closed) => Err(Error::Closed { path: path.to_owned(), closed, account: self.name.clone() }),
        }
    }

    /// A command that runs as this account, away from the terminal's process group: Ctrl-C is for the program in the
    /// foreground, which still needs its database while it drains.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // The program reads messages, so they must be English. The server's folder is given explicitly, never by a
        // variable of the caller's; the account may be unable to enter the folder where the caller stands.
        command.env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGPORT").current_dir("/").process_group(0);
        if self.is_stand_in {
            // std also drops root's supplementary groups when it sets the uid.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes a folder the account's own and closes it to everybody else.
    pub(crate) fn make_private(&self, dir: &Path) -> Result<(), Error> {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).at("close to others", dir)?;
        if self.is_stand_in {
            chown(dir, Some(self.uid), Some(self.gid)).at("hand over", dir)?;
        }
        Ok(())
    }

    /// Creates a folder that only the account and root can enter, or checks an existing one.
    pub(crate) fn private_dir(&self, dir: &Path) -> Result<(), Error> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).at("create", dir),
            _ => {}
        }
        // An existing folder may come from a process that was killed before it handed the folder over. It must not be a
        // link, belong to another user, or be one that another user could have filled.
        let metadata = fs::symlink_metadata(dir).at("look at", dir)?;
        let is_ours = metadata.uid() == self.uid || metadata.uid() == geteuid().as_raw();
        if !metadata.is_dir() || !is_ours || metadata.mode() & 0o022 != 0 {
            return Err(Error::OpenToOthers { path: dir.to_owned() });
        }
        self.make_private(dir)
    }
}

/// Refuses a user without a name: `initdb` needs one, and its own error gives no advice.
fn must_have_name(uid: Uid) -> Result<(), Error> {
    match User::from_uid(uid) {
        Ok(None) => Err(Error::Nameless { uid: uid.as_raw() }),
        _ => Ok(()),
    }
}

/// Creates a folder and its missing ancestors with this mode, whatever the mask of the process.
pub(crate) fn create_dirs(dir: &Path, mode: u32) -> io::Result<()> {
    let mut missing: Vec<_> = dir.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    while let Some(dir) = missing.pop() {
        match fs::create_dir(dir) {
            Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(mode))?,
            // Another process has created the folder in the same way.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The first folder on the way to `path`, or `path` itself, that a user without further groups cannot enter.
fn closed_directory(path: &Path, uid: u32, gid: u32) -> Option<PathBuf> {
    // Links are resolved, so that the folders are the ones that the kernel will walk.
    let existing = path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok())?;
    let mut way: Vec<_> = existing.ancestors().map(Path::to_owned).collect();
    way.reverse();
    way.into_iter().find(|step| fs::metadata(step).is_ok_and(|metadata| !may_pass(&metadata, uid, gid)))
}

/// Returns true if the execute bit of the user's class is set. The kernel looks at one class only: it refuses an owner
/// without the bit even if all others have it.
fn may_pass(metadata: &fs::Metadata, uid: u32, gid: u32) -> bool {
    let class = match metadata {
        of_owner if of_owner.uid() == uid => 6,
        of_group if of_group.gid() == gid => 3,
        _ => 0,
    };
    metadata.mode() >> class & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that own nothing here.
    const STRANGER: u32 = 54_321;

    fn folder_with_mode(parent: &Path, name: &str, mode: u32) -> PathBuf {
        let dir = parent.join(name);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        dir.canonicalize().unwrap()
    }

    #[test]
    fn the_refusal_of_a_user_without_a_name_gives_advice() {
        assert!(must_have_name(geteuid()).is_ok());
        let told = must_have_name(Uid::from_raw(STRANGER)).unwrap_err().to_string();
        assert!(told.contains("54321") && told.contains("/etc/passwd"), "{told}");
    }

    #[test]
    fn the_folder_that_is_closed_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let closed = folder_with_mode(root.path(), "closed", 0o700);
        let inner = folder_with_mode(&closed, "open", 0o755);

        assert_eq!(Some(closed.clone()), closed_directory(&inner, STRANGER, STRANGER));
        assert_eq!(Some(closed), closed_directory(&inner.join("not/yet/there"), STRANGER, STRANGER));
    }

    #[test]
    fn a_folder_that_may_only_be_passed_through_is_not_closed() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let open = folder_with_mode(root.path(), "open", 0o711);

        assert_eq!(None, closed_directory(&open, STRANGER, STRANGER));
    }

    #[test]
    fn only_the_class_of_the_user_counts() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder_with_mode(root.path(), "odd", 0o611);
        let metadata = fs::metadata(&dir).unwrap();

        assert!(!may_pass(&metadata, metadata.uid(), STRANGER), "the owner has no execute bit");
        assert!(may_pass(&metadata, STRANGER, metadata.gid()));
        assert!(may_pass(&metadata, STRANGER, STRANGER));
    }

    #[test]
    fn a_link_to_a_closed_folder_does_not_hide_it() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let closed = folder_with_mode(root.path(), "closed", 0o700);
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&closed, &link).unwrap();

        assert_eq!(Some(closed), closed_directory(&link.join("data"), STRANGER, STRANGER));
    }

    #[test]
    fn a_private_folder_is_closed_even_if_its_making_was_cut_short() {
        let root = tempfile::tempdir().unwrap();
        let account = Account::of(Path::new("/nonexistent")).unwrap();
        for dir in [root.path().join("new"), folder_with_mode(root.path(), "half-made", 0o755)] {
            account.private_dir(&dir).unwrap();
            let metadata = fs::metadata(&dir).unwrap();
            assert_eq!((account.uid, 0o700), (metadata.uid(), metadata.mode() & 0o777));
        }
    }

    #[test]
    fn a_private_folder_that_is_a_link_or_that_others_could_fill_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let account = Account::of(Path::new("/nonexistent")).unwrap();
        let open = folder_with_mode(root.path(), "open", 0o777);
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();

        assert!(matches!(account.private_dir(&open), Err(Error::OpenToOthers { .. })));
        assert!(matches!(account.private_dir(&link), Err(Error::OpenToOthers { .. })));
    }
}
