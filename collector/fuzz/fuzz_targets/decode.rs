//! Any bytes as an answer: read or refused, never a panic, and every value that comes out is finite.
#![no_main]

use collector::decode::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let (mut series, mut samples) = (0, 0);
    let answer = decode(body, &["pod", "uid", "nodeselector_*"], &mut |one| {
        assert!(one.labels.len() == 3 && !one.points.is_empty());
        assert!(one.points.iter().all(|(_, value)| value.is_finite()));
        series += 1;
        samples += one.points.len() as i64;
    });
    if let Ok(answer) = answer {
        assert_eq!((answer.series, answer.samples), (series, samples));
    }
});
