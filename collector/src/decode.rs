//! Answers of the Prometheus API, read straight from the body: borrowed, no tree.
//!
//! One pass over the bytes; each series is handed on as soon as it is complete and its buffers are used again,
//! so the memory beyond the body is that of one series.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One series of an answer.
#[derive(Debug)]
pub struct Series<'s, 'de> {
    /// The labels asked for, in the order they were asked; empty when the series lacks one. For a prefix such as
    /// `nodeselector_*` all labels that begin so, one a line, as `rest=value`.
    pub labels: &'s [Cow<'de, str>],
    /// Time in milliseconds since the epoch, and value. Values are finite.
    pub points: &'s [(i64, f64)],
}

/// What is said of an answer beside its series.
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
}

/// Why a body is not an answer.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, cut short, or not of the API's shape.
    #[error("the answer is not what the Prometheus API sends")]
    Malformed(#[from] serde_json::Error),
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
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut root = Root { sink: Sink::new(labels, each), status: None, data: false, error: None };
    (&mut root).deserialize(&mut json)?;
    json.end()?;
    match (root.status.as_deref(), root.error) {
        (Some("success"), _) if root.data => Ok(root.sink.answer),
        (Some(_), Some((kind, message))) => Err(DecodeError::Server { kind, message }),
        _ => Err(DecodeError::Malformed(serde_json::Error::custom("neither data nor an error"))),
    }
}

/// Where series end up, with the buffers they pass through.
struct Sink<'a, 'de> {
    wanted: &'a [&'a str],
    each: &'a mut dyn FnMut(Series<'_, 'de>),
    labels: Vec<Cow<'de, str>>,
    points: Vec<(i64, f64)>,
    answer: Answer,
}

impl<'a, 'de> Sink<'a, 'de> {
    fn new(wanted: &'a [&'a str], each: &'a mut dyn FnMut(Series<'_, 'de>)) -> Self {
        Self { wanted, each, labels: Vec::new(), points: Vec::new(), answer: Answer::default() }
    }

    fn push(&mut self, Point { time_ms, value }: Point) {
        if value.is_finite() {
            self.points.push((time_ms, value));
        } else {
            self.answer.not_finite += 1;
        }
    }
}

struct Root<'a, 'de> {
    sink: Sink<'a, 'de>,
    status: Option<String>,
    data: bool,
    error: Option<(String, String)>,
}

impl<'de> DeserializeSeed<'de> for &mut Root<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Root<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the Prometheus API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut kind, mut message) = (String::new(), None);
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "status" => self.status = Some(map.next_value()?),
                "data" => {
                    map.next_value_seed(Data(&mut self.sink))?;
                    self.data = true;
                }
                "warnings" => self.sink.answer.warnings = map.next_value()?,
                "errorType" => kind = map.next_value()?,
                "error" => message = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.error = message.map(|message| (kind, message));
        Ok(())
    }
}

struct Data<'s, 'a, 'de>(&'s mut Sink<'a, 'de>);

impl<'de> DeserializeSeed<'de> for Data<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // An error answer may carry `"data": null`.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result of type vector or matrix")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "result" => map.next_value_seed(SeriesList(self.0))?,
                "resultType" => {
                    let Text(kind) = map.next_value()?;
                    if !matches!(&*kind, "vector" | "matrix") {
                        return Err(A::Error::custom(format_args!("result of type `{kind}`")));
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct SeriesList<'s, 'a, 'de>(&'s mut Sink<'a, 'de>);

impl<'de> DeserializeSeed<'de> for SeriesList<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SeriesList<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(OneSeries(self.0))?.is_some() {
            let sink = &mut *self.0;
            if sink.points.is_empty() {
                continue;
            }
            sink.answer.series += 1;
            sink.answer.samples += i64::try_from(sink.points.len()).unwrap_or(i64::MAX);
            (sink.each)(Series { labels: &sink.labels, points: &sink.points });
        }
        Ok(())
    }
}

struct OneSeries<'s, 'a, 'de>(&'s mut Sink<'a, 'de>);

impl<'de> DeserializeSeed<'de> for OneSeries<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneSeries<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.labels.clear();
        self.0.labels.resize(self.0.wanted.len(), Cow::Borrowed(""));
        self.0.points.clear();
        let (mut samples, mut histograms) = (false, false);
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "metric" => map.next_value_seed(Labels(self.0))?,
                "values" => {
                    map.next_value_seed(Points(self.0))?;
                    samples = true;
                }
                "value" => {
                    let point = map.next_value()?;
                    self.0.push(point);
                    samples = true;
                }
                "histogram" | "histograms" => {
                    map.next_value::<IgnoredAny>()?;
                    histograms = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.0.answer.histograms_only += i64::from(histograms && !samples);
        Ok(())
    }
}

struct Labels<'s, 'a, 'de>(&'s mut Sink<'a, 'de>);

impl<'de> DeserializeSeed<'de> for Labels<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            let exact = |wanted: &&str| match wanted.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => *wanted == name,
            };
            let wanted = self.0.wanted;
            let place = wanted.iter().position(exact);
            let prefix = place.and_then(|place| wanted.get(place)).and_then(|wanted| wanted.strip_suffix('*'));
            match (place.and_then(|place| self.0.labels.get_mut(place)), prefix) {
                (Some(label), None) => *label = map.next_value::<Text<'de>>()?.0,
                (Some(label), Some(prefix)) => {
                    let Text(value) = map.next_value()?;
                    let list = label.to_mut();
                    if !list.is_empty() {
                        list.push('\n');
                    }
                    list.push_str(name.strip_prefix(prefix).unwrap_or_default());
                    list.push('=');
                    list.push_str(&value);
                }
                (None, _) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Points<'s, 'a, 'de>(&'s mut Sink<'a, 'de>);

impl<'de> DeserializeSeed<'de> for Points<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Points<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(point) = list.next_element()? {
            self.0.push(point);
        }
        Ok(())
    }
}

/// `[1753920000.123, "0.25"]`
struct Point {
    time_ms: i64,
    value: f64,
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, Number(value)) = <(f64, Number)>::deserialize(deserializer)?;
        let time_ms = millis(seconds).ok_or_else(|| D::Error::custom("a time out of range"))?;
        Ok(Self { time_ms, value })
    }
}

/// Seconds with a fraction as whole milliseconds.
fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    #[expect(clippy::as_conversions, reason = "checked to lie far inside i64")]
    (millis.abs() < 1e15).then_some(millis as i64)
}

/// A number in a string.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InString;
        impl Visitor<'_> for InString {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::custom(format_args!("`{text}` is not a number")))
            }
        }
        deserializer.deserialize_str(InString)
    }
}

/// Text that is borrowed from the body where it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
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
