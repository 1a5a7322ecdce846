//! AWS's bulk lists and the file that `prices import` writes of them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bulk) = prices::aws_price_list::read_bulk(bytes)
        && let Ok(file) = prices::write_list(bulk.prices)
        && let Ok(text) = String::from_utf8(file)
    {
        // What was kept of a list can be read again; empty lists are refused.
        let book = prices::PriceBook::catalog().unwrap();
        assert!(book.with_list(&text).is_ok() || text.lines().count() <= 1, "{text}");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _refused = prices::PriceBook::catalog().unwrap().with_list(text);
    }
});
