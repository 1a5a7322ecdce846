//! Any bytes as the answers of an hour, one a line, in the order of the queries: labels, owners, cgroups, lives and
//! counters are read and become rows, or the hour is refused; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|answers: &[u8]| collector::fuzz_hour(answers));
