//! Compiled forms on disk, one file each, in a folder of the user's own.
//!
//! What is in there is run as native code, so the folder must belong to this user and be writable by nobody else, and
//! so must every file that is read; links are not followed. A file that is damaged, cut or of another version is as
//! good as none. Files are replaced whole, so that several processes may read and write at once.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// End of the names of entries.
const SUFFIX: &str = ".cwasm";
/// Start of the names of files that are being written, or that a process left when it was killed.
const TEMPORARY: &str = ".new-";
/// Entries that are kept, the newest ones.
const MAX_ENTRIES: usize = 64;
/// How long entries are kept.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A folder that can be trusted.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Number of this user.
    user: u32,
}

/// Returns the folder of the cache, by these environment variables; nothing when none of them says one. What is
/// empty counts as not set, and so does a relative path, except for our own variable.
pub(super) fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |name| path(name).filter(|path| path.is_absolute());
    path("TRACEWATT_CACHE_DIR")
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("tracewatt")))
        .or_else(|| Some(absolute("HOME")?.join(".cache/tracewatt")))
}

/// Returns the name of the entry of a component, by its digest, for an engine, by its compatibility.
pub(super) fn name(digest: &str, compatibility: u64) -> String {
    format!("{digest}-{compatibility:016x}{SUFFIX}")
}

impl Cache {
    /// Opens the cache in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// A sentence, when it cannot be made, or is not to be trusted.
    pub(super) fn open(folder: PathBuf) -> Result<Cache, String> {
        let place = folder.display().to_string();
        owned::make(&folder)
            .and_then(|()| owned::this_user())
            .map_err(|error| {
                format!(
                    "the folder {place} cannot be made: {error}; \
                     set TRACEWATT_CACHE_DIR to one that you can write to"
                )
            })
            .and_then(|user| {
                owned::check(&folder, user).map(|()| Cache { folder, user }).map_err(|reason| {
                    format!(
                        "{place} {reason}; correct that, or set TRACEWATT_CACHE_DIR to a folder of your own"
                    )
                })
            })
    }

    /// Returns an entry, unless there is none or it is not to be trusted.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        owned::read(&self.folder.join(name), self.user)
    }

    /// Writes or replaces an entry, and removes what is old.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.folder.join(name)).map_err(|error| error.error)?;
        self.prune(name, SystemTime::now());
        Ok(())
    }

    /// Removes entries that are too old or too many, but not `latest`. What cannot be removed stays.
    fn prune(&self, latest: &str, now: SystemTime) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let ours = |name: &str| name.ends_with(SUFFIX) || name.starts_with(TEMPORARY);
        let mut files: Vec<(Duration, PathBuf)> = files
            .filter_map(|file| {
                let file = file.ok()?;
                let name = file.file_name().into_string().ok()?;
                let written = file.metadata().ok()?.modified().ok()?;
                let age = now.duration_since(written).unwrap_or_default();
                (ours(&name) && name != latest).then(|| (age, file.path()))
            })
            .collect();
        files.sort();
        for (number, (age, path)) in files.iter().enumerate() {
            if number + 1 >= MAX_ENTRIES || *age > MAX_AGE {
                let _ = fs::remove_file(path);
            }
        }
    }
}

#[cfg(unix)]
mod owned {
    use super::*;
    use std::fs::{DirBuilder, File, Metadata};
    use std::io::Read;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    /// Permission bits of others: to write, and any.
    const OTHERS_WRITE: u32 = 0o022;
    const OTHERS: u32 = 0o077;

    pub(super) fn make(folder: &Path) -> io::Result<()> {
        // A link is left alone, and refused below.
        if fs::symlink_metadata(folder).is_ok() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    /// Returns the number of this user: that of the owner of a file it makes.
    pub(super) fn this_user() -> io::Result<u32> {
        Ok(tempfile::tempfile()?.metadata()?.uid())
    }

    pub(super) fn check(folder: &Path, user: u32) -> Result<(), &'static str> {
        let found = fs::symlink_metadata(folder).map_err(|_| "cannot be looked at")?;
        match found {
            found if !found.is_dir() => Err("is not a folder itself (links are not followed)"),
            found if found.uid() != user => Err("belongs to another user"),
            found if found.mode() & OTHERS_WRITE != 0 => Err("can be written to by others"),
            _ => Ok(()),
        }
    }

    /// Returns what is in a file, if this user wrote it and nobody else can read or write it: entries are made so,
    /// and a file that came here in another way, with a checkout for instance, is not. It must have one name only: a
    /// second one could be a way to bring in any file of this user.
    pub(super) fn read(path: &Path, user: u32) -> Option<Vec<u8>> {
        let own = |found: &Metadata| {
            found.is_file() && found.uid() == user && found.mode() & OTHERS == 0 && found.nlink() == 1
        };
        let named = fs::symlink_metadata(path).ok().filter(own)?;
        let mut file = File::open(path).ok()?;
        let opened = file.metadata().ok().filter(own)?;
        if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(opened.len()).ok()?);
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Where owners and permissions cannot be asked for, nothing can be trusted.
#[cfg(not(unix))]
mod owned {
    use super::*;

    pub(super) fn make(_: &Path) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "there is no cache on this system"))
    }

    pub(super) fn this_user() -> io::Result<u32> {
        make(Path::new(""))?;
        Ok(0)
    }

    pub(super) fn check(_: &Path, _: u32) -> Result<(), &'static str> {
        Err("cannot be trusted")
    }

    pub(super) fn read(_: &Path, _: u32) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn the_folder_is_the_first_that_is_named() {
        let check = |set: &[(&str, &str)], expect: Option<&str>| {
            let variable =
                |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
            assert_eq!(folder(variable), expect.map(PathBuf::from), "{set:?}");
        };
        let (own, xdg, home) = ("TRACEWATT_CACHE_DIR", "XDG_CACHE_HOME", "HOME");
        check(&[(own, "/a"), (xdg, "/b"), (home, "/c")], Some("/a"));
        check(&[(own, "a")], Some("a"));
        check(&[(own, ""), (xdg, "/b"), (home, "/c")], Some("/b/tracewatt"));
        check(&[(xdg, "b"), (home, "/c")], Some("/c/.cache/tracewatt"));
        check(&[(home, "")], None);
        check(&[], None);
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777)
    }

    #[test]
    fn folder_and_entries_are_private_and_entries_are_replaced() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        let cache = Cache::open(folder.clone()).unwrap();
        let name = name("00ff", 1);
        assert_eq!(cache.read(&name), None);
        for bytes in [&b"one"[..], b"two"] {
            cache.write(&name, bytes).unwrap();
            assert_eq!(cache.read(&name), Some(bytes.to_vec()));
        }
        assert_eq!((mode(&folder), mode(&folder.join(&name))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    /// Guarantees: a folder that others can write to, a link, a file and what cannot be made are no cache.
    #[test]
    fn a_folder_of_others_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let refused = |name: &str, expect: &str| {
            let error = Cache::open(at(name)).unwrap_err();
            assert!(error.contains(name) && error.contains(expect), "{error}");
        };
        for bits in [0o720, 0o702] {
            fs::create_dir_all(at("open")).unwrap();
            fs::set_permissions(at("open"), Permissions::from_mode(bits)).unwrap();
            refused("open", "can be written to by others");
        }
        Cache::open(at("own")).unwrap();
        symlink(at("own"), at("link")).unwrap();
        refused("link", "is not a folder itself");
        symlink(at("nowhere"), at("dangling")).unwrap();
        refused("dangling", "is not a folder itself");
        fs::write(at("file"), "").unwrap();
        refused("file", "is not a folder itself");
        refused("file/in", "cannot be made");
        let other = Cache { user: u32::MAX - 1, ..Cache::open(at("own")).unwrap() };
        assert_eq!(owned::check(&other.folder, other.user), Err("belongs to another user"));
    }

    /// Guarantees: a file that is readable by others, of another user, a link or has a second name is no entry.
    #[test]
    fn an_entry_of_others_is_not_read() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::open(place.path().join("cache")).unwrap();
        let path = cache.folder.join("x.cwasm");
        let put = || cache.write("x.cwasm", b"bytes").unwrap();
        put();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(cache.read("x.cwasm"), None);
        put();
        assert_eq!(cache.read("x.cwasm"), Some(b"bytes".to_vec()));
        assert_eq!(Cache { folder: cache.folder.clone(), user: u32::MAX - 1 }.read("x.cwasm"), None);
        fs::hard_link(&path, place.path().join("second")).unwrap();
        assert_eq!(cache.read("x.cwasm"), None);
        fs::rename(&path, place.path().join("elsewhere")).unwrap();
        fs::remove_file(place.path().join("second")).unwrap();
        symlink(place.path().join("elsewhere"), &path).unwrap();
        assert_eq!(cache.read("x.cwasm"), None);
        put();
        assert_eq!(fs::read(place.path().join("elsewhere")).unwrap(), b"bytes");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    /// Guarantees: entries and left-overs that are old or too many go; other files, and the latest entry, stay.
    #[test]
    fn what_is_old_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::open(place.path().join("cache")).unwrap();
        let now = SystemTime::now();
        let put = |name: &str, age: Duration| {
            let file = fs::File::create(cache.folder.join(name)).unwrap();
            file.set_modified(now - age).unwrap();
        };
        let day = Duration::from_secs(24 * 3600);
        put("notes.txt", 90 * day);
        put(".new-left", 90 * day);
        put("old.cwasm", 31 * day);
        put("latest.cwasm", 31 * day);
        put("young.cwasm", day);
        cache.prune("latest.cwasm", now);
        let names = || {
            let names = fs::read_dir(&cache.folder).unwrap();
            let mut names: Vec<String> =
                names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names(), ["latest.cwasm", "notes.txt", "young.cwasm"]);
        (0..70).for_each(|n| put(&format!("{n:02}.cwasm"), Duration::from_secs(n)));
        cache.prune("latest.cwasm", now);
        assert_eq!(names().len(), MAX_ENTRIES + 1);
        assert!(!names().contains(&"young.cwasm".to_owned()) && names().contains(&"62.cwasm".to_owned()));
    }
}
