//! EDGE: a lake in a local directory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempPath;

use super::{PutOutcome, Store, StoreError};

/// What a temporary file's name starts with; such a file is no object.
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
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
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
        } else if is_temporary(&entry) && fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
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

/// What lies in a folder, temporary files left out; nothing when it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = all_entries(folder)?;
    entries.retain(|entry| !is_temporary(entry));
    Ok(entries)
}

/// What lies in a folder; nothing when it does not exist.
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
        let path = self.path(key);
        self.blocking("read", key, move || fs::read(path).map(Bytes::from)).await
    }

    async fn put_new(&self, key: &str, object: Bytes) -> Result<PutOutcome, StoreError> {
        let path = self.path(key);
        self.blocking("write", key, move || put_new(&path, &object)).await
    }

    async fn replace(&self, key: &str, object: Bytes, _content_type: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        self.blocking("write", key, move || replace(&path, &object)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (root, folder) = (self.root.clone(), self.path(prefix));
        let mut keys = self
            .blocking("list", prefix, move || {
                let mut keys = Vec::new();
                walk(&root, &folder, &mut keys)?;
                Ok(keys)
            })
            .await?;
        keys.sort_unstable();
        Ok(keys)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.path(prefix);
        self.blocking("list", prefix, move || {
            let names: BTreeSet<_> =
                entries(&folder)?.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
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
        let path = self.path(key);
        self.blocking("delete", key, move || match fs::remove_file(&path) {
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
    async fn a_directory_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("v1"), "a file, not a folder").unwrap();
        let store = DirStore::new(folder.path());
        let error = store.put_new("v1/t/x", Bytes::from_static(b"x")).await.unwrap_err();
        assert!(error.to_string().contains("could not write `v1/t/x`"), "{error}");
    }
}
