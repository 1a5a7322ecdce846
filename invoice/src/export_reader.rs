//! An export, read as a stream of charges.

use std::io::Read;
use std::sync::Arc;

use crate::charge::Charge;
use crate::columns::Columns;
use crate::error::InvoiceError;
use crate::export_files::{Bytes, Export, ExportFile};
use crate::export_format::Format;
use crate::file_rows::{Row, Stop, csv_rows, parquet_rows};
use crate::{cur, focus};

/// Reads every file of an export in order, one at a time and off the runtime's threads, and hands each charge to `state`.
///
/// # Errors
/// [`InvoiceError`] names the file, and the row and the column where a value is at fault.
pub async fn read<S: Send + 'static>(
    export: Export,
    state: S,
    take: impl Fn(&mut S, Format, &Charge<'_>) -> Result<(), InvoiceError> + Send + Sync + 'static,
) -> Result<S, InvoiceError> {
    let take = Arc::new(take);
    let mut state = state;
    for file in &export.files {
        let bytes = export.bytes(file).await?;
        let (file, take) = (file.clone(), Arc::clone(&take));
        state = tokio::task::spawn_blocking(move || {
            file_charges(&file, bytes, &mut |format, charge| take(&mut state, format, charge))?;
            Ok::<_, InvoiceError>(state)
        })
        .await??;
    }
    Ok(state)
}

/// Reads one file.
fn file_charges(
    file: &ExportFile,
    bytes: Bytes,
    take: &mut dyn FnMut(Format, &Charge<'_>) -> Result<(), InvoiceError>,
) -> Result<(), InvoiceError> {
    let mut each = |format: Format, columns: &Columns, row: &dyn Row, number: u64| -> Result<(), Stop> {
        let charge = if format.is_focus() { focus::charge(columns, row) } else { cur::charge(columns, row) };
        match charge.map_err(|bad| Stop::Bad(bad, number))? {
            Some(charge) => take(format, &charge).map_err(Stop::Refused),
            None => Ok(()),
        }
    };
    match (file.is_parquet(), bytes) {
        (true, Bytes::File(open)) => parquet_rows(&file.name, open, &mut each),
        (true, Bytes::Memory(object)) => parquet_rows(&file.name, object, &mut each),
        (false, bytes) => csv_rows(&file.name, text(file, bytes.into_read()), &mut each),
    }
}

/// The text of a CSV file, unpacked where its name says that it is packed.
fn text(file: &ExportFile, bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let bytes = std::io::BufReader::with_capacity(1 << 16, bytes);
    if file.is_gzip() { Box::new(flate2::bufread::MultiGzDecoder::new(bytes)) } else { Box::new(bytes) }
}
