//! The headers of an object's pages, read without unpacking a page: a footer may say little and a page much.

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;

/// The most one page may unpack to. The library sets aside as much as the header says, whatever the page holds.
const MOST_PAGE: u64 = 64 << 20;
/// Pages of one column; an hour's have a few thousand rows each.
const MOST_PAGES: usize = 10_000;
/// Greatest depth of nesting in a header.
const MOST_DEPTH: usize = 8;

/// Checks every page of every column: that it lies within its column, and that it does not unpack to more than the
/// footer says of the column.
pub(super) fn check(object: &Bytes, metadata: &ParquetMetaData) -> Result<(), String> {
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let (start, length) = chunk.byte_range();
        let range = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(length)).ok());
        let bytes = range.and_then(|(from, to)| object.get(from..to));
        let bytes = bytes.ok_or_else(|| format!("column {} lies outside of the object", chunk.column_path()))?;
        let said = u64::try_from(chunk.uncompressed_size()).unwrap_or(0);
        check_column(bytes, said).map_err(|why| format!("column {}: {why}", chunk.column_path()))?;
    }
    Ok(())
}

fn check_column(mut bytes: &[u8], said: u64) -> Result<(), &'static str> {
    let (mut unpacked, mut pages) = (0_u64, 0);
    while !bytes.is_empty() {
        let mut reader = Compact { bytes, at: 0 };
        let header = reader.page_header().ok_or("the header of a page cannot be read")?;
        let header_length = u64::try_from(reader.at).unwrap_or(u64::MAX);
        if header.unpacked > MOST_PAGE {
            return Err("a page says that it unpacks to more than 64 MiB");
        }
        unpacked = unpacked.saturating_add(header.unpacked).saturating_add(header_length);
        pages += 1;
        if pages > MOST_PAGES || unpacked > said {
            return Err("its pages unpack to more than the footer says");
        }
        let next = reader.at.checked_add(header.packed).ok_or("a page is longer than the object")?;
        bytes = bytes.get(next..).ok_or("a page is longer than the object")?;
    }
    Ok(())
}

struct Header {
    unpacked: u64,
    packed: usize,
}

/// Reads Thrift's compact protocol, as far as headers of pages need it.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let half = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 { half } else { !half })
    }

    fn skip_bytes(&mut self, n: u64) -> Option<()> {
        let next = self.at.checked_add(usize::try_from(n).ok()?)?;
        (next <= self.bytes.len()).then(|| self.at = next)
    }

    /// The next field of a struct: its number and kind; `Some(None)` at its end.
    fn field(&mut self, before: i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let number = match head >> 4 {
            0 => self.signed()?,
            step => before.checked_add(i64::from(step))?,
        };
        Some(Some((number, head & 0x0f)))
    }

    fn page_header(&mut self) -> Option<Header> {
        let (mut number, mut unpacked, mut packed) = (0, None, None);
        while let Some((field, kind)) = self.field(number)? {
            number = field;
            match (field, kind) {
                (2, 5) => unpacked = Some(u64::try_from(self.signed()?).ok()?),
                (3, 5) => packed = Some(usize::try_from(self.signed()?).ok()?),
                _ => self.skip(kind, 0)?,
            }
        }
        Some(Header { unpacked: unpacked?, packed: packed? })
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MOST_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.skip_bytes(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.skip_bytes(8),
            8 => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            9 | 10 => self.skip_list(depth),
            12 => {
                let mut number = 0;
                while let Some((field, kind)) = self.field(number)? {
                    number = field;
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            // Maps are in no header, and what is not known is not taken.
            _ => None,
        }
    }

    fn skip_list(&mut self, depth: usize) -> Option<()> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        let kind = head & 0x0f;
        for _ in 0..count {
            // In a list, a truth value has a byte of its own.
            match kind {
                1 | 2 => self.skip_bytes(1)?,
                kind => self.skip(kind, depth + 1)?,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page as a writer makes it: kind, what it unpacks to, how long it is, a struct with a number, and its bytes.
    fn page(unpacked: u64, packed: usize) -> Vec<u8> {
        let varint = |mut value: u64| {
            let mut bytes = Vec::new();
            loop {
                let low = u8::try_from(value & 0x7f).unwrap();
                value >>= 7;
                bytes.push(if value == 0 { low } else { low | 0x80 });
                if value == 0 {
                    return bytes;
                }
            }
        };
        let length = varint(u64::try_from(packed).unwrap() * 2);
        let mut page = [&[0x15, 0x00, 0x15][..], &varint(unpacked * 2), &[0x15], &length].concat();
        page.extend([0x2c, 0x15, 0x08, 0x00, 0x00]);
        page.resize(page.len() + packed, 7);
        page
    }

    #[test]
    fn pages_that_fit_their_column_are_taken() {
        assert_eq!(check_column(&page(100, 40), 200), Ok(()));
        assert_eq!(check_column(&[page(100, 40), page(50, 50)].concat(), 200), Ok(()));
        assert_eq!(check_column(&[], 0), Ok(()));
    }

    #[test]
    fn a_page_that_becomes_more_than_it_may_is_refused() {
        let more = Err("its pages unpack to more than the footer says");
        assert_eq!(check_column(&page(1000, 40), 200), more);
        assert_eq!(check_column(&[page(100, 40), page(100, 40)].concat(), 200), more);
        assert_eq!(check_column(&page(2 << 30, 40), 4 << 30), Err("a page says that it unpacks to more than 64 MiB"));
        assert_eq!(check_column(&page(100, 40)[..50], 200), Err("a page is longer than the object"));
        let many: Vec<u8> = (0..=MOST_PAGES).flat_map(|_| page(0, 0)).collect();
        assert_eq!(check_column(&many, u64::MAX), more);
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        let unread = Err("the header of a page cannot be read");
        for header in [
            &[0x00][..],
            &[0x15],
            &[0x15, 0x00],
            &[0xff; 40],
            // Structs within structs without end.
            &[0x1c; 400],
            // A list of more than there is.
            &[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f],
            // What it unpacks to is less than nothing.
            &[0x15, 0x00, 0x15, 0x01, 0x15, 0x00, 0x00],
        ] {
            assert_eq!(check_column(header, 1 << 20), unread, "{header:?}");
        }
    }
}
