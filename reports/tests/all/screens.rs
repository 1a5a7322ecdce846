//! Pages as a browser shows them, beside how they were when somebody last looked: a screenshot of each is averaged over
//! blocks, and the blocks are compared with those in `screens/`.
//!
//! `INSTA_UPDATE=always` takes the new ones; look at them first, they lie in `target/screens`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::browser::{Browser, Look, MEASURE, WIDTHS, browser};
use crate::sample;

/// Side of a block in pixels, as a share of the width.
const COLUMNS: usize = 16;
/// The highest picture a browser draws without a graphics card.
const HIGHEST: u32 = 12_000;
/// Difference of a channel, of fifteen, that the eye may miss.
const SAME: u8 = 1;
/// Share of blocks that may differ by more: another version of a font moves a few edges.
const TOLERANCE: f64 = 0.03;

/// A picture of eight bits a channel.
struct Picture {
    width: usize,
    rows: Vec<Vec<[u8; 3]>>,
}

/// Reads a PNG as Chromium writes it: eight bits, RGB or RGBA, not interlaced.
fn read_png(bytes: &[u8]) -> Picture {
    let number = |at: usize| usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let (width, height, depth, kind) = (number(16), number(20), bytes[24], bytes[25]);
    assert!(depth == 8 && (kind == 2 || kind == 6) && bytes[28] == 0, "a kind of PNG that is not read here");
    let channels = if kind == 6 { 4 } else { 3 };
    let (mut packed, mut at) = (Vec::new(), 8);
    while at < bytes.len() {
        let length = number(at);
        if &bytes[at + 4..at + 8] == b"IDAT" {
            packed.extend_from_slice(&bytes[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    let mut raw = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut raw).unwrap();
    let stride = width * channels;
    let (mut before, mut rows) = (vec![0_u8; stride], Vec::with_capacity(height));
    for line in raw.chunks_exact(stride + 1) {
        let (filter, line) = line.split_first().unwrap();
        let mut row = line.to_vec();
        for i in 0..stride {
            let left = if i >= channels { row[i - channels] } else { 0 };
            let corner = if i >= channels { before[i - channels] } else { 0 };
            let up = before[i];
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                other => panic!("filter {other}"),
            };
            row[i] = row[i].wrapping_add(guess);
        }
        rows.push(row.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
        before = row;
    }
    Picture { width, rows }
}

/// The predictor of PNG's fourth filter.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let away = |from: u8| (guess - i16::from(from)).abs();
    if away(left) <= away(up) && away(left) <= away(corner) {
        left
    } else if away(up) <= away(corner) {
        up
    } else {
        corner
    }
}

/// Mean colours of square blocks, of fifteen, as one line of hexadecimal digits a row: three digits a block.
fn blocks(picture: &Picture, width: usize) -> String {
    let side = width / COLUMNS;
    let mut text = String::new();
    for band in picture.rows.chunks(side) {
        for column in 0..COLUMNS {
            let pixels =
                band.iter().flat_map(|row| row[..width.min(picture.width)][column * side..(column + 1) * side].iter());
            let (mut sums, mut n) = ([0_u32; 3], 0_u32);
            for pixel in pixels {
                n += 1;
                for (sum, channel) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*channel);
                }
            }
            for sum in sums {
                write!(text, "{:x}", (sum / n.max(1)) / 17).unwrap();
            }
        }
        text.push('\n');
    }
    text
}

/// The page in a frame of its own width, as high as it is.
fn shot(browser: &Browser, name: &str, page: &str, look: Look) -> Picture {
    let measured = browser.framed(page, look, MEASURE);
    let height = u32::try_from(measured["page"].as_u64().unwrap()).unwrap().min(HIGHEST);
    let frame = format!(
        "<!DOCTYPE html><html lang=\"en\"><title>frame</title><body style=\"margin:0\"><iframe style=\"border:0;display:block;width:{}px;\
         height:{height}px\" srcdoc=\"{}\"></iframe></body></html>",
        look.width,
        page.replace('&', "&amp;").replace('"', "&quot;")
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screens");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.png"));
    let (window, to) =
        (format!("--window-size={},{height}", look.width.max(800)), format!("--screenshot={}", file.display()));
    let (output, _profile) = browser.open(&frame, look, &[&window, &to, "--force-device-scale-factor=1"]);
    let bytes = fs::read(&file).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    read_png(&bytes)
}

/// Blocks that differ, and all of them.
fn differing(before: &str, now: &str) -> (usize, usize) {
    let digits = |text: &str| -> Vec<Vec<u8>> {
        let of = |block: &[u8]| {
            block.iter().map(|digit| u8::from_str_radix(&char::from(*digit).to_string(), 16).unwrap()).collect()
        };
        text.lines().flat_map(|line| line.as_bytes().chunks(3).map(of).collect::<Vec<_>>()).collect()
    };
    let (before, now) = (digits(before), digits(now));
    let unlike = |a: &Vec<u8>, b: &Vec<u8>| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > SAME);
    let differ = before.iter().zip(&now).filter(|(a, b)| unlike(a, b)).count();
    // A page that grew differs where there was none of it.
    (differ + before.len().abs_diff(now.len()), before.len().max(now.len()))
}

fn check(browser: &Browser, name: &str, page: &str, look: Look) -> Option<String> {
    let picture = shot(browser, name, page, look);
    let now = blocks(&picture, usize::try_from(look.width).unwrap());
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/all/screens/{name}.txt"));
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::create_dir_all(stored.parent().unwrap()).unwrap();
        fs::write(&stored, &now).unwrap();
        return None;
    }
    let before = fs::read_to_string(&stored).unwrap_or_default();
    let (differ, all) = differing(&before, &now);
    let float = |n: usize| f64::from(u32::try_from(n).unwrap());
    let share = float(differ) / float(all.max(1));
    (share > TOLERANCE).then(|| format!("{name}: {differ} of {all} blocks are not as they were"))
}

#[test]
fn pages_look_as_they_did_when_they_were_last_looked_at() {
    let Some(browser) = browser("pages_look_as_they_did_when_they_were_last_looked_at") else { return };
    let page = |analysis: &_| reports::page(analysis, &reports::Options::default()).unwrap();
    let typical = page(&sample::right_sizing());
    let paper = typical.replacen("@media print {", "@media all {", 1);
    let mut changed = Vec::new();
    for width in WIDTHS {
        changed.extend(check(&browser, &format!("page-{width}"), &typical, Look { width, dark: false }));
    }
    for width in [390, 1280] {
        changed.extend(check(&browser, &format!("page-{width}-dark"), &typical, Look { width, dark: true }));
    }
    changed.extend(check(&browser, "page-paper", &paper, Look { width: 688, dark: false }));
    for (name, analysis) in [("pool-wins", sample::pool_wins()), ("nothing-pays", sample::nothing_pays())] {
        changed.extend(check(&browser, &format!("{name}-1280"), &page(&analysis), Look { width: 1280, dark: false }));
    }
    assert!(
        changed.is_empty(),
        "{}\nlook at target/screens; where they are as they should be, run with INSTA_UPDATE=always",
        changed.join("\n")
    );
}

#[test]
fn a_page_that_changed_is_seen() {
    let white = "fff".repeat(COLUMNS);
    let before = format!("{white}\n{white}\n");
    assert_eq!(differing(&before, &before), (0, 32));
    assert_eq!(differing(&before, &before.replacen("fff", "eee", 1)), (0, 32), "a shade is let pass");
    assert_eq!(differing(&before, &before.replacen("fff", "0ff", 1)), (1, 32));
    assert_eq!(differing(&before, &format!("{white}\n")), (16, 32));
}
