//! EDGE: the files of an export, on the disk or on S3.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use lake::{LakeUri, Store};

use crate::error::InvoiceError;
use crate::export_manifests::{self, Manifest};

/// Place of an export: a file, a directory, or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportUri {
    /// A file or a directory.
    Path(PathBuf),
    /// A prefix on S3.
    S3(LakeUri),
}

/// Error of a text that names no export.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` names no export; give a file, a folder, or s3://bucket/prefix")]
pub struct InvalidExportUri(String);

impl FromStr for ExportUri {
    type Err = InvalidExportUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidExportUri(text.to_owned());
        if text.starts_with("s3://") {
            return text.parse().map(Self::S3).map_err(|_| invalid());
        }
        if text.is_empty() || text.contains("://") { Err(invalid()) } else { Ok(Self::Path(PathBuf::from(text))) }
    }
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExportFile {
    /// Its name for people: the path below the export's place, or the place itself.
    pub(crate) name: String,
    /// Its path, or its key.
    at: String,
}

impl ExportFile {
    pub(crate) fn is_parquet(&self) -> bool {
        ends(&self.name, &[".parquet"])
    }

    pub(crate) fn is_gzip(&self) -> bool {
        ends(&self.name, &[".gz", ".gzip"])
    }
}

/// The bytes of a file.
pub(crate) enum Bytes {
    File(File),
    Memory(bytes::Bytes),
}

impl Bytes {
    pub(crate) fn into_read(self) -> Box<dyn Read + Send> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Memory(object) => Box::new(Cursor::new(object)),
        }
    }
}

/// The files of an export, listed and not yet read.
#[derive(Debug)]
pub struct Export {
    /// Where it is, for people.
    pub location: String,
    pub(crate) files: Vec<ExportFile>,
    store: Option<Arc<dyn Store>>,
}

impl Export {
    /// Lists the files of an export. Where AWS keeps several deliveries of a month, its manifest says which is the last.
    ///
    /// # Errors
    /// [`InvoiceError`] when nothing can be read there, or several deliveries of one month are there without a manifest.
    pub async fn open(uri: &ExportUri) -> Result<Self, InvoiceError> {
        match uri {
            ExportUri::Path(path) => Self::of_path(path),
            ExportUri::S3(place) => Self::of_store(place.open().await).await,
        }
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns true when it has no file, which [`Self::open`] never returns.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn of_path(path: &Path) -> Result<Self, InvoiceError> {
        let location = path.display().to_string();
        let unreadable = |source: std::io::Error| InvoiceError::Read { file: location.clone(), source: source.into() };
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if !about.is_dir() {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            refuse_form(&name)?;
            let file = ExportFile { name, at: location.clone() };
            return Ok(Self { location, files: vec![file], store: None });
        }
        let mut names = Vec::new();
        walk(path, "", &mut names).map_err(unreadable)?;
        names.sort();
        let mut manifests = Vec::new();
        for name in names.iter().filter(|name| export_manifests::is_manifest(name)) {
            let text = std::fs::read_to_string(path.join(name)).map_err(unreadable)?;
            manifests.extend(Manifest::read(name, &text));
        }
        let at = |name: &str| path.join(name).display().to_string();
        Ok(Self { files: chosen(&location, names, &manifests, at)?, location, store: None })
    }

    async fn of_store(store: Arc<dyn Store>) -> Result<Self, InvoiceError> {
        let location = store.location();
        let unreadable =
            |source: lake::StoreError| InvoiceError::Read { file: location.clone(), source: source.into() };
        let names = store.list("").await.map_err(unreadable)?;
        let mut manifests = Vec::new();
        for name in names.iter().filter(|name| export_manifests::is_manifest(name)) {
            let text = store.get(name).await.map_err(unreadable)?;
            manifests.extend(Manifest::read(name, &String::from_utf8_lossy(&text)));
        }
        let files = chosen(&location, names, &manifests, ToOwned::to_owned)?;
        Ok(Self { location, files, store: Some(store) })
    }

    pub(crate) async fn bytes(&self, file: &ExportFile) -> Result<Bytes, InvoiceError> {
        let unreadable =
            |source: Box<dyn std::error::Error + Send + Sync>| InvoiceError::Read { file: file.at.clone(), source };
        match &self.store {
            Some(store) => Ok(Bytes::Memory(store.get(&file.at).await.map_err(|error| unreadable(error.into()))?)),
            None => Ok(Bytes::File(File::open(&file.at).map_err(|error| unreadable(error.into()))?)),
        }
    }
}

/// The files to read, of all that are there.
fn chosen(
    location: &str,
    names: Vec<String>,
    manifests: &[Manifest],
    at: impl Fn(&str) -> String,
) -> Result<Vec<ExportFile>, InvoiceError> {
    let data: Vec<String> = names.into_iter().filter(|name| is_data(name)).collect();
    let data = export_manifests::of_last_delivery(location, data, manifests)?;
    for name in &data {
        refuse_form(name)?;
    }
    if data.is_empty() {
        return Err(InvoiceError::Nothing { location: location.to_owned() });
    }
    Ok(data.into_iter().map(|name| ExportFile { at: at(&name), name }).collect())
}

/// Every file below a folder, as paths from it with slashes. Links are not followed.
fn walk(root: &Path, below: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, names)?;
        } else if kind.is_file() {
            names.push(path);
        }
    }
    Ok(())
}

fn ends(name: &str, with: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    with.iter().any(|end| name.ends_with(end))
}

/// Returns true for a file that may hold charges, by its name.
fn is_data(name: &str) -> bool {
    ends(name, &[".csv", ".csv.gz", ".csv.gzip", ".csv.zip", ".parquet", ".parquet.gz"])
}

fn refuse_form(name: &str) -> Result<(), InvoiceError> {
    let (form, hint) = match name {
        name if ends(name, &[".zip"]) => ("ZIP", "unpack it, or choose GZIP or Parquet in the export"),
        name if is_data(name) && !ends(name, &[".parquet.gz"]) => return Ok(()),
        _ => ("kind of", "a cost export is CSV, CSV packed with gzip, or Parquet"),
    };
    Err(InvoiceError::Form { file: name.to_owned(), form, hint })
}
