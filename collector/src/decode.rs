//! Answers of the Prometheus API, read straight from the body: borrowed, no tree.
//!
//! One pass over the bytes; each series is handed on as soon as it is complete and its buffers are used again,
//! so the memory beyond the body is that of one series. A general JSON library spends two thirds of its time on what
//! this shape does not need (`benches/decode.rs`), hence the [cursor](json) of our own; texts with escapes still go
//! through the library.

mod json;

use std::borrow::Cow;

use json::Cursor;
pub use json::Malformed;

/// One series of an answer.
#[derive(Debug)]
pub struct Series<'s, 'de> {
    /// The names of the labels asked for.
    pub names: &'s [&'s str],
    /// The labels asked for, in the order they were asked; empty when the series lacks one. For a prefix such as
    /// `nodeselector_*` all labels that begin so, one a line, as `rest=value`.
    pub labels: &'s [Cow<'de, str>],
    /// Time in milliseconds since the epoch, and value. Values are finite.
    pub points: &'s [(i64, f64)],
}

impl Series<'_, '_> {
    /// The value of a label by its name; `None` when the series lacks it, or has the word older exporters wrote for
    /// "none". A label has to be asked for to be read.
    pub fn label(&self, name: &str) -> Option<&str> {
        let place = self.names.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "label `{name}` is read and was not asked for");
        let value = self.labels.get(place?)?;
        (!value.is_empty() && value != "<none>").then_some(value)
    }

    /// The labels it has, by name, in the order in which they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.names.iter().zip(self.labels).map(|(name, value)| (*name, &**value));
        named.filter(|(_, value)| !value.is_empty() && *value != "<none>")
    }
}

/// Facts about an answer beside its series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Series with samples.
    pub series: i64,
    /// Samples.
    pub samples: i64,
    /// Samples that are `NaN` or infinite, dropped.
    pub not_finite: i64,
    /// Series that hold only native histograms, skipped.
    pub histograms_only: i64,
    /// The server's warnings. (Its `infos` are hints on the query text and are dropped.)
    pub warnings: Vec<String>,
    /// The first and the last moment of a sample, in milliseconds since the epoch.
    pub span: Option<(i64, i64)>,
    /// Tells whether series have samples over time: those of a range, or as they were scraped. Else they are values at the
    /// moment that was asked for.
    pub over_time: bool,
}

/// The span over two spans.
pub(crate) fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
        (one, other) => one.or(other),
    }
}

/// Characters of an unknown status that are quoted.
const MOST_STATUS_CHARS: usize = 40;

/// Warning of an answer that calls itself partial.
const PARTIAL: &str = "the answer is partial: not every storage node answered";

/// Why a body is not an answer.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, cut short, or not of the API's shape.
    #[error("the answer is not what the Prometheus API sends")]
    Malformed(#[from] Malformed),
    /// Neither success nor an error of the API's.
    #[error("the server answered with the status `{status}` and without an error")]
    Status {
        /// The status.
        status: String,
    },
    /// The server reports an error of its own.
    #[error("the server answered with an error: {kind}: {message}")]
    Server {
        /// The server's name for it, such as `execution`.
        kind: String,
        /// Its text.
        message: String,
    },
}

/// Reads a vector or matrix answer and hands each series to `each`.
///
/// # Errors
/// [`DecodeError`]. Series before the fault have been handed on; a caller discards them.
pub fn decode<'de>(
    body: &'de [u8],
    labels: &[&str],
    each: &mut dyn FnMut(Series<'_, 'de>),
) -> Result<Answer, DecodeError> {
    let mut cursor = Cursor::new(body);
    let wanted: Vec<_> = labels.iter().map(|label| Wanted::of(label)).collect();
    let mut sink = Sink {
        names: labels,
        wanted: &wanted,
        each,
        labels: Vec::new(),
        points: Vec::new(),
        answer: Answer::default(),
    };
    let (mut status, mut data, mut kind, mut message) = (None, false, String::new(), None);
    cursor.object(|cursor, key| {
        match key {
            "status" => status = Some(cursor.string()?.into_owned()),
            "data" => data = sink.data(cursor)?,
            // VictoriaMetrics says so here, and warns of nothing.
            "isPartial" if cursor.peek() == Some(b't') => {
                cursor.skip()?;
                sink.answer.warnings.push(PARTIAL.to_owned());
            }
            "warnings" => {
                cursor.array(|cursor| {
                    sink.answer.warnings.push(cursor.string()?.into_owned());
                    Ok(())
                })?;
            }
            "errorType" => kind = cursor.string()?.into_owned(),
            "error" => message = Some(cursor.string()?.into_owned()),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    cursor.end()?;
    match (status, message) {
        (Some(_), Some(message)) => Err(DecodeError::Server { kind, message }),
        (Some(status), None) if status == "success" && data => Ok(sink.answer),
        // Data beside it may be a part, or nothing.
        (Some(status), None) if status != "success" => {
            Err(DecodeError::Status { status: status.chars().take(MOST_STATUS_CHARS).collect() })
        }
        _ => Ok(cursor.fail("neither data nor an error")?),
    }
}

/// A label that was asked for.
enum Wanted<'a> {
    Named(&'a str),
    Prefixed(&'a str),
}

impl<'a> Wanted<'a> {
    fn of(label: &'a str) -> Self {
        label.strip_suffix('*').map_or(Self::Named(label), Self::Prefixed)
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Self::Named(own) => *own == name,
            Self::Prefixed(prefix) => name.starts_with(prefix),
        }
    }
}

/// Where series end up, with the buffers they pass through.
struct Sink<'a, 'de> {
    names: &'a [&'a str],
    wanted: &'a [Wanted<'a>],
    each: &'a mut dyn FnMut(Series<'_, 'de>),
    labels: Vec<Cow<'de, str>>,
    points: Vec<(i64, f64)>,
    answer: Answer,
}

impl<'de> Sink<'_, 'de> {
    /// The member `data`; false for the `null` that comes with an error.
    fn data(&mut self, cursor: &mut Cursor<'de>) -> Result<bool, Malformed> {
        if cursor.peek() == Some(b'n') {
            return cursor.skip().map(|()| false);
        }
        cursor.object(|cursor, key| match key {
            "result" => cursor.array(|cursor| self.series(cursor)),
            "resultType" => match &*cursor.string()? {
                "vector" | "matrix" => Ok(()),
                _ => cursor.fail("a result that is neither vector nor matrix"),
            },
            _ => cursor.skip(),
        })?;
        Ok(true)
    }

    fn series(&mut self, cursor: &mut Cursor<'de>) -> Result<(), Malformed> {
        self.labels.clear();
        self.labels.resize(self.wanted.len(), Cow::Borrowed(""));
        self.points.clear();
        let (mut samples, mut histograms) = (false, false);
        cursor.object(|cursor, key| {
            match key {
                "metric" => cursor.object(|cursor, name| self.label(cursor, name))?,
                "values" => {
                    cursor.array(|cursor| self.point(cursor))?;
                    self.answer.over_time = true;
                    samples = true;
                }
                "value" => {
                    self.point(cursor)?;
                    samples = true;
                }
                "histogram" | "histograms" => {
                    cursor.skip()?;
                    histograms = true;
                }
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        self.answer.histograms_only = self.answer.histograms_only.saturating_add(i64::from(histograms && !samples));
        if !self.points.is_empty() {
            self.answer.series = self.answer.series.saturating_add(1);
            let samples = i64::try_from(self.points.len()).unwrap_or(i64::MAX);
            self.answer.samples = self.answer.samples.saturating_add(samples);
            (self.each)(Series { names: self.names, labels: &self.labels, points: &self.points });
        }
        Ok(())
    }

    fn label(&mut self, cursor: &mut Cursor<'de>, name: &str) -> Result<(), Malformed> {
        let Some(place) = self.wanted.iter().position(|wanted| wanted.is(name)) else { return cursor.skip() };
        let value = cursor.string()?;
        match (self.labels.get_mut(place), self.wanted.get(place)) {
            (Some(label), Some(Wanted::Prefixed(prefix))) => {
                let list = label.to_mut();
                if !list.is_empty() {
                    list.push('\n');
                }
                list.push_str(name.strip_prefix(prefix).unwrap_or_default());
                list.push('=');
                list.push_str(&value);
            }
            (Some(label), _) => *label = value,
            (None, _) => {}
        }
        Ok(())
    }

    /// `[1753920000.123, "0.25"]`
    fn point(&mut self, cursor: &mut Cursor<'de>) -> Result<(), Malformed> {
        cursor.expect(b'[', "no sample")?;
        let time_ms = cursor.milliseconds()?;
        cursor.expect(b',', "no `,` in a sample")?;
        // Servers write no space here; where one does, the value is found behind it.
        let value = cursor.quoted_number()?;
        cursor.expect(b']', "no end of a sample")?;
        self.answer.span = joined(self.answer.span, Some((time_ms, time_ms)));
        if value.is_finite() {
            self.points.push((time_ms, value));
        } else {
            self.answer.not_finite = self.answer.not_finite.saturating_add(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Answer, Vec<String>), DecodeError> {
        let mut seen = Vec::new();
        let answer = decode(body.as_bytes(), &["pod", "missing"], &mut |series| {
            seen.push(format!("{:?} {:?}", series.labels, series.points));
        })?;
        Ok((answer, seen))
    }

    fn body(result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#)
    }

    #[test]
    fn series_come_with_the_labels_asked_for() {
        let (answer, seen) =
            read(&body(r#"{"metric":{"x":"y","pod":"a\"b"},"values":[[1.5,"2"],[301.25,"0.125"]]}"#)).unwrap();
        assert_eq!(seen, [r#"["a\"b", ""] [(1500, 2.0), (301250, 0.125)]"#]);
        assert_eq!((answer.series, answer.samples), (1, 2));
    }

    #[test]
    fn labels_are_gathered_by_prefix() {
        let text = body(r#"{"metric":{"n_a":"1","x":"y","n_b":"2"},"values":[[1,"2"]]}"#);
        let mut seen = Vec::new();
        decode(text.as_bytes(), &["n_*", "x"], &mut |series| seen.push(series.labels.join("|"))).unwrap();
        assert_eq!(seen, ["a=1\nb=2|y"]);
    }

    #[test]
    fn vectors_read_like_matrices_of_one_sample() {
        let text = body(r#"{"metric":{"pod":"a"},"value":[7,"1"]}"#).replace("matrix", "vector");
        assert_eq!(read(&text).unwrap().1, [r#"["a", ""] [(7000, 1.0)]"#]);
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let text = r#"{"data":{"result":[{"values":[[1,"2"]],"metric":{"pod":"a"}}],"resultType":"matrix"},"status":"success"}"#;
        assert_eq!(read(text).unwrap().1.len(), 1);
    }

    #[test]
    fn values_that_are_no_numbers_are_dropped_and_counted() {
        let (answer, seen) =
            read(&body(r#"{"metric":{},"values":[[1,"NaN"],[2,"+Inf"],[3,"1"],[4,"-Inf"]]}"#)).unwrap();
        assert_eq!((answer.not_finite, seen.len()), (3, 1));
        let (answer, seen) = read(&body(r#"{"metric":{},"values":[[1,"NaN"]]}"#)).unwrap();
        assert_eq!((answer.series, answer.not_finite, seen.len()), (0, 1, 0));
    }

    #[test]
    fn series_of_native_histograms_are_counted_and_skipped() {
        let histogram = r#"{"metric":{},"histograms":[[1,{"count":"1","buckets":[[0,"0","1","1"]]}]]}"#;
        let (answer, seen) = read(&body(&format!(r#"{histogram},{{"metric":{{}},"values":[[1,"2"]]}}"#))).unwrap();
        assert_eq!((answer.histograms_only, seen.len()), (1, 1));
    }

    #[test]
    fn warnings_are_kept() {
        let text =
            r#"{"status":"success","warnings":["partial"],"infos":["x"],"data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(read(text).unwrap().0.warnings, ["partial"]);
    }

    #[test]
    fn an_answer_that_calls_itself_partial_counts_as_a_warning() {
        let text = |partial| {
            format!(r#"{{"status":"success","isPartial":{partial},"data":{{"resultType":"vector","result":[]}}}}"#)
        };
        assert_eq!(read(&text("true")).unwrap().0.warnings, [PARTIAL]);
        assert_eq!(read(&text("false")).unwrap().0.warnings, [""; 0]);
    }

    #[test]
    fn errors_of_the_server_are_told_in_its_words() {
        let text =
            r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#;
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains("execution: query processing would load too many samples"), "{error}");
        assert!(matches!(
            read(r#"{"status":"error","data":null,"errorType":"x","error":"y"}"#),
            Err(DecodeError::Server { .. })
        ));
    }

    #[test]
    fn what_does_not_say_success_is_not_taken_for_it() {
        let text = |status: &str| body(r#"{"metric":{},"values":[[1,"2"]]}"#).replace("success", status);
        assert!(read(&text("success")).is_ok());
        for status in ["error", "partial", "Success", ""] {
            assert!(matches!(read(&text(status)), Err(DecodeError::Status { .. })), "{status}");
        }
        let error =
            read(&text("error").replace("\"data\"", "\"error\":\"too much\",\"data\"")).unwrap_err().to_string();
        assert!(error.contains("too much"), "{error}");
    }

    #[test]
    fn the_first_and_last_moment_of_all_series_is_told() {
        let series = r#"{"metric":{},"values":[[5,"2"],[7,"NaN"]]},{"metric":{},"values":[[3,"1"]]}"#;
        assert_eq!(read(&body(series)).unwrap().0.span, Some((3000, 7000)));
        assert_eq!(read(&body("")).unwrap().0.span, None);
    }

    #[test]
    fn anything_else_is_malformed_and_never_a_panic() {
        let good = body(r#"{"metric":{"pod":"a"},"values":[[1,"2"]]}"#);
        for cut in 0..good.len() {
            assert!(read(&good[..cut]).is_err(), "{cut}");
        }
        for bad in
            ["<html>", "[]", "{}", "null", r#"{"status":"success"}"#, r#"{"status":"success"} x"#, r#"{"status":7}"#]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&body(r#"{"metric":{},"values":[[1,"two"]]}"#)).is_err());
        assert!(read(&body(r#"{"metric":{},"values":[[1e300,"2"]]}"#)).is_err());
        assert!(read(&good.replace("matrix", "scalar")).is_err());
    }
}
