//! EDGE: a lake in a local directory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempPath;

use super::store_contract::{PutOutcome, Store, StoreError};

/// Prefix of the name of a temporary file; such a file is no object.
const TEMPORARY: &str = ".tmp-";

/// Objects as files below a directory.
#[derive(Debug, Clone)]
pub struct DirStore {
    root: PathBuf,
}

impl DirStore {
    /// The lake below `root`, which is made by the first write.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// The folder and the way to it from the root, for what must not leave the root by a link.
    fn place(&self, key: &str) -> Place {
        Place { root: self.root.clone(), path: self.path(key) }
    }

    fn failed(&self, action: &'static str, key: &str, source: io::Error) -> StoreError {
        StoreError::Failed {
            action,
            key: key.to_owned(),
            store: self.location(),
            hint: String::new(),
            source: Box::new(source),
        }
    }

    /// Runs file work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
        result.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if action == "read" => {
                StoreError::NotFound { key: key.to_owned(), store: self.location() }
            }
            _ => self.failed(action, key, error),
        })
    }
}

/// A path below a root, which itself may be a link: people put lakes on other disks. Below it nothing is followed that
/// leads elsewhere, so that nothing outside of the lake is read, written or deleted.
struct Place {
    root: PathBuf,
    path: PathBuf,
}

impl Place {
    /// Refuses a way that leads through a link.
    fn check(&self) -> io::Result<()> {
        let Ok(below) = self.path.strip_prefix(&self.root) else { return Ok(()) };
        let mut at = self.root.clone();
        for step in below.components() {
            at.push(step);
            match fs::symlink_metadata(&at) {
                Ok(metadata) if metadata.is_symlink() => {
                    let said = format!("`{}` is a link, and none is followed in a lake", at.display());
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads a file. A pipe would keep its reader for ever.
    fn read(&self) -> io::Result<Bytes> {
        self.check()?;
        if !fs::symlink_metadata(&self.path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        fs::read(&self.path).map(Bytes::from)
    }

    /// Entries of the folder, temporary files and what is neither file nor folder left out; nothing when it does not
    /// exist or a link leads there.
    fn entries(&self) -> io::Result<Vec<fs::DirEntry>> {
        if self.check().is_err() {
            return Ok(Vec::new());
        }
        entries(&self.path)
    }
}

/// Writes to a temporary name, syncs, and gives it its own unless that is taken: a reader sees all of the object
/// or none, and an object that is there is never replaced.
///
/// The kernel's rename without replacing does this; where the file system lacks it (NFS), a hard link does. One
/// that has neither refuses the write, since nothing else is both whole and exclusive.
fn put_new(path: &Path, object: &[u8]) -> io::Result<PutOutcome> {
    if path.exists() {
        return Ok(PutOutcome::Exists);
    }
    let folder = path.parent().ok_or_else(|| io::Error::other("a key without a folder"))?;
    create_folder(folder)?;
    let (mut file, temporary) = temporary_beside(folder, path)?;
    // Held until the file is closed, which the kernel does for a writer that dies: see `leftovers`.
    file.try_lock()?;
    // On failure the temporary file is removed by its own drop.
    file.write_all(object)?;
    file.sync_all()?;
    match temporary.persist_noclobber(path) {
        Ok(()) => {
            fs::File::open(folder)?.sync_all()?;
            Ok(PutOutcome::Created)
        }
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(PutOutcome::Exists),
        Err(refused) => Err(refused.error),
    }
}

/// Writes to a temporary name, syncs, and renames: a reader sees what was there or what comes, never a part.
fn replace(path: &Path, object: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a key without a folder"))?;
    create_folder(folder)?;
    let (mut file, temporary) = temporary_beside(folder, path)?;
    file.try_lock()?;
    file.write_all(object)?;
    file.sync_all()?;
    temporary.persist(path).map_err(|refused| refused.error)?;
    fs::File::open(folder)?.sync_all()
}

/// A new file beside the object that no other writer has: two containers on one volume may have the same process id.
fn temporary_beside(folder: &Path, object: &Path) -> io::Result<(fs::File, TempPath)> {
    let name = object.file_name().unwrap_or_default().to_string_lossy();
    let mut n = 0;
    loop {
        let path = folder.join(format!("{TEMPORARY}{}-{n}-{name}", std::process::id()));
        match fs::File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n = u64::saturating_add(n, 1),
            file => return Ok((file?, TempPath::try_from_path(path)?)),
        }
    }
}

/// The temporary files below `folder` whose writer is gone: nobody holds their lock.
fn leftovers(root: &Path, folder: &Path, remove: bool, found: &mut Vec<String>) -> io::Result<()> {
    for entry in all_entries(folder)? {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            leftovers(root, &path, remove, found)?;
        } else if is_temporary(&entry)
            && entry.file_type()?.is_file()
            && fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
        {
            if remove {
                fs::remove_file(&path)?;
            }
            found.extend(path.strip_prefix(root).map(|key| key.to_string_lossy().into_owned()));
        }
    }
    Ok(())
}

/// Makes a folder and those above it, each durable in the one that holds it.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.parent().is_some() {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::File::open(parent)?.sync_all(),
    }
}

/// All files below `folder`, as keys relative to `root`.
fn walk(root: &Path, folder: &Path, keys: &mut Vec<String>) -> io::Result<()> {
    for entry in entries(folder)? {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(root, &path, keys)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            keys.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// Entries of a folder, temporary files left out; nothing when it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = all_entries(folder)?;
    entries.retain(|entry| !is_temporary(entry) && is_plain(entry));
    Ok(entries)
}

/// Returns whether it is a file or a folder, and no link to one. A folder's entry tells without looking at what it
/// links to.
fn is_plain(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir())
}

/// Finds what is neither file nor folder below `folder`.
fn no_objects(root: &Path, folder: &Path, found: &mut Vec<String>) -> io::Result<()> {
    for entry in all_entries(folder)? {
        let path = entry.path();
        if !is_plain(&entry) {
            found.extend(path.strip_prefix(root).map(|key| key.to_string_lossy().into_owned()));
        } else if entry.file_type()?.is_dir() {
            no_objects(root, &path, found)?;
        }
    }
    Ok(())
}

/// Replaces a file if its content still has `mark`. Writers take turns, by a lock on the folder.
fn swap(path: &Path, mark: Option<&str>, object: &[u8]) -> io::Result<bool> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a key without a folder"))?;
    create_folder(folder)?;
    let turn = fs::File::open(folder)?;
    turn.lock()?;
    let there = match fs::read(path) {
        Ok(there) => Some(crate::digest::digest(&there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if there.as_deref() != mark {
        return Ok(false);
    }
    replace(path, object).map(|()| true)
}

/// Entries of a folder; nothing when it does not exist.
fn all_entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listing => listing?.collect(),
    }
}

fn is_temporary(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(TEMPORARY)
}

#[async_trait]
impl Store for DirStore {
    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let place = self.place(key);
        self.blocking("read", key, move || place.read()).await
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        let place = self.place(key);
        self.blocking("write", key, move || place.check().and_then(|()| put_new(&place.path, &object))).await
    }

    async fn replace(&self, key: &str, object: Bytes, _content_type: &str) -> Result<(), StoreError> {
        let place = self.place(key);
        self.blocking("write", key, move || place.check().and_then(|()| replace(&place.path, &object))).await
    }

    async fn swap(
        &self,
        key: &str,
        mark: Option<&str>,
        object: Bytes,
        _content_type: &str,
    ) -> Result<bool, StoreError> {
        let (place, mark) = (self.place(key), mark.map(ToOwned::to_owned));
        let work = move || place.check().and_then(|()| swap(&place.path, mark.as_deref(), &object));
        self.blocking("write", key, work).await
    }

    async fn no_objects(&self) -> Result<Vec<String>, StoreError> {
        let (root, folder) = (self.root.clone(), self.path("v1"));
        let list = move || {
            let mut found = Vec::new();
            no_objects(&root, &folder, &mut found)?;
            found.sort_unstable();
            Ok(found)
        };
        self.blocking("list", "v1/", list).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (root, place) = (self.root.clone(), self.place(prefix));
        let mut keys = self
            .blocking("list", prefix, move || {
                let mut keys = Vec::new();
                if place.check().is_ok() {
                    walk(&root, &place.path, &mut keys)?;
                }
                Ok(keys)
            })
            .await?;
        keys.sort_unstable();
        Ok(keys)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let place = self.place(prefix);
        self.blocking("list", prefix, move || {
            let names: BTreeSet<_> =
                place.entries()?.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            Ok(names.into_iter().collect())
        })
        .await
    }

    async fn leftovers(&self, remove: bool) -> Result<Vec<String>, StoreError> {
        let root = self.root.clone();
        let mut found = self
            .blocking("list", "", move || {
                let mut found = Vec::new();
                leftovers(&root, &root, remove, &mut found)?;
                Ok(found)
            })
            .await?;
        found.sort_unstable();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let place = self.place(key);
        self.blocking("delete", key, move || match place.check().and_then(|()| fs::remove_file(&place.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_left_half_written_is_no_object() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("v1")).unwrap();
        fs::write(folder.path().join("v1/.tmp-1-x"), "half").unwrap();
        let store = DirStore::new(folder.path());
        assert_eq!(store.list("v1/").await.unwrap(), Vec::<String>::new());
        assert_eq!(store.list_names("v1/").await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_leftover_of_a_writer_that_lives_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("v1")).unwrap();
        fs::write(folder.path().join("v1/.tmp-1-0-dead"), "half").unwrap();
        let living = fs::File::create_new(folder.path().join("v1/.tmp-2-0-living")).unwrap();
        living.lock().unwrap();
        let store = DirStore::new(folder.path());
        assert_eq!(store.leftovers(false).await.unwrap(), ["v1/.tmp-1-0-dead"]);
        assert_eq!(store.leftovers(true).await.unwrap(), ["v1/.tmp-1-0-dead"]);
        assert_eq!(store.leftovers(true).await.unwrap(), Vec::<String>::new());
        assert!(folder.path().join("v1/.tmp-2-0-living").exists());
    }

    #[tokio::test]
    async fn links_and_pipes_are_no_objects_and_nothing_outside_is_touched() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path().join("v1/t")).unwrap();
        fs::write(folder.path().join("v1/t/own"), "own").unwrap();
        fs::write(outside.path().join("secret"), "theirs").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("v1/t/link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("v1/t/file")).unwrap();
        let pipes = ["v1/t/pipe", "v1/t/.tmp-1-0-pipe"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").args(&pipes).status().unwrap().success());
        let store = DirStore::new(folder.path());
        assert_eq!(store.list("v1/").await.unwrap(), ["v1/t/own"]);
        assert_eq!(store.list("v1/t/link/").await.unwrap(), [""; 0]);
        assert_eq!(store.list_names("v1/t/").await.unwrap(), ["own"]);
        assert_eq!(store.leftovers(true).await.unwrap(), [""; 0]);
        let other = ["v1/t/.tmp-1-0-pipe", "v1/t/file", "v1/t/link", "v1/t/pipe"];
        assert_eq!(store.no_objects().await.unwrap(), other);
        for key in ["v1/t/pipe", "v1/t/file", "v1/t/link/secret"] {
            assert!(store.get(key).await.is_err(), "{key}");
        }
        for key in ["v1/t/file", "v1/t/link/secret", "v1/t/link/new"] {
            assert!(store.put_new(key, Bytes::from_static(b"ours")).await.is_err(), "{key}");
            assert!(store.replace(key, Bytes::from_static(b"ours"), "").await.is_err(), "{key}");
        }
        assert!(store.delete("v1/t/link/secret").await.is_err());
        assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        // The root itself may lie elsewhere.
        let way = folder.path().join("way");
        std::os::unix::fs::symlink(folder.path(), &way).unwrap();
        assert_eq!(DirStore::new(&way).get("v1/t/own").await.unwrap(), "own");
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("v1"), "a file, not a folder").unwrap();
        let store = DirStore::new(folder.path());
        let error = store.put_new("v1/t/x", Bytes::from_static(b"x")).await.unwrap_err();
        assert!(error.to_string().contains("could not write `v1/t/x`"), "{error}");
    }
}
