//! Numbers in as many bytes as they need: seven bits a byte, near zero of either sign the fewest.

/// Bytes that are read one number after the other.
pub(crate) type Bytes<'a> = std::slice::Iter<'a, u8>;

/// Writes a number.
pub(crate) fn write(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or_default());
}

/// Reads a number; `None` at the end.
pub(crate) fn read(from: &mut Bytes<'_>) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = from.next()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

/// Writes a number of either sign.
pub(crate) fn write_signed(to: &mut Vec<u8>, number: i64) {
    write(to, folded(number));
}

/// Reads a number of either sign.
pub(crate) fn read_signed(from: &mut Bytes<'_>) -> Option<i64> {
    Some(unfolded(read(from)?))
}

/// Number of either sign as one without: those near zero stay near zero.
pub(crate) fn folded(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// Number that [`folded()`] was given.
pub(crate) fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_and_small_ones_are_short() {
        for (number, bytes) in
            [(0, 1), (1, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (8192, 3), (i64::MAX, 10), (i64::MIN, 10)]
        {
            let mut text = Vec::new();
            write_signed(&mut text, number);
            assert_eq!(text.len(), bytes, "{number}");
            assert_eq!(read_signed(&mut text.iter()), Some(number));
        }
        assert_eq!(read(&mut [0x80].iter()), None, "it goes on");
    }
}
