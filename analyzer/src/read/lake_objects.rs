//! EDGE: finds the hours of a window in the lake, and fetches their objects a day at a time.
//!
//! Manifests say which objects there are, those of a whole day or of single hours; every object is checked against
//! its manifest.

use bytes::Bytes;
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};
use lake::{Day, Lake, LakeError, Part};
use tokio::task::JoinSet;
use types::{ClusterId, Hour, Window};

use crate::read::error::AnalyzeError;

/// The hours asked for, and those that are there.
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) window: Window,
    pub(crate) hours: Vec<Hour>,
}

/// Finds the hours of a window, or all there are.
pub(crate) async fn coverage(
    lake: &Lake,
    cluster: &ClusterId,
    window: Option<Window>,
) -> Result<Coverage, AnalyzeError> {
    let Some((first, last)) = lake.dates(cluster).await? else {
        let names: Vec<_> = lake.clusters().await?.iter().map(|id| format!("`{id}`")).collect();
        let known =
            if names.is_empty() { "it holds no cluster".to_owned() } else { format!("it holds {}", names.join(", ")) };
        return Err(AnalyzeError::UnknownCluster { cluster: cluster.clone(), lake: lake.location(), known });
    };
    let day =
        |date: &str| date.parse::<chrono::NaiveDate>().ok().map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    let whole = day(&first)
        .zip(day(&last))
        .and_then(|(first, last)| Window::try_new(first, last + chrono::TimeDelta::days(1)).ok());
    // Only days that exist are listed, whatever span was asked for.
    let listed = match (window, whole) {
        (Some(asked), Some(whole)) => {
            Window::try_new(asked.start().max(whole.start()), asked.end().min(whole.end())).ok()
        }
        (asked, whole) => whole.or(asked),
    };
    let hours = match listed {
        Some(listed) => lake.hours(cluster, listed).await?,
        None => Vec::new(),
    };
    let (Some(oldest), Some(newest)) = (hours.first(), hours.last()) else {
        let (from, to) = match window.or(whole) {
            Some(window) => (window.start().to_rfc3339(), window.end().to_rfc3339()),
            None => (first.clone(), last.clone()),
        };
        return Err(AnalyzeError::NoHours { cluster: cluster.clone(), from, to, first, last });
    };
    let present = Window::try_new(oldest.start(), newest.end()).ok();
    match window.or(present) {
        Some(window) => Ok(Coverage { window, hours }),
        None => {
            Err(AnalyzeError::NoHours { cluster: cluster.clone(), from: first.clone(), to: last.clone(), first, last })
        }
    }
}

/// One table's object: its key and bytes; `None` when the part has no such table.
pub(crate) type Object = Option<(String, Bytes)>;

/// Tables that the bill is summed from.
pub(crate) const SUMMED: Tables =
    &[ContainerHour::NAME, PodHour::NAME, NodeHour::NAME, VolumeHour::NAME, QualityHour::NAME, LoadBalancerHour::NAME];
/// Tables that are replayed.
pub(crate) const REPLAYED: Tables = &[ContainerHour::NAME, PodHour::NAME, NodeHour::NAME, VolumeHour::NAME];
/// Those of them that say which pods move.
pub(crate) const MOVING: Tables = &[PodHour::NAME, NodeHour::NAME, VolumeHour::NAME];
/// Tables that requests are sized by.
pub(crate) const SIZED: Tables = &[ContainerHour::NAME, PodHour::NAME];

/// Names of tables that are fetched.
pub(crate) type Tables = &'static [&'static str];

/// The objects of one part of a day, an hour or the day itself, of the tables that were asked for.
pub(crate) struct PartObjects {
    pub(crate) part: Part,
    pub(crate) containers: Object,
    pub(crate) pods: Object,
    pub(super) nodes: Object,
    pub(super) volumes: Object,
    pub(super) quality: Object,
    pub(super) load_balancers: Object,
}

/// The days of a lake, each fetched while the one before is worked on.
pub(crate) struct Days {
    lake: Lake,
    cluster: ClusterId,
    tables: Tables,
    left: std::vec::IntoIter<Vec<Hour>>,
    next: JoinSet<Result<Vec<PartObjects>, AnalyzeError>>,
}

impl Days {
    /// Starts fetching the first day of `hours`, which are sorted.
    pub(crate) fn new(lake: &Lake, cluster: &ClusterId, hours: &[Hour], tables: Tables) -> Self {
        let days: Vec<_> = hours.chunk_by(|a, b| a.date() == b.date()).map(<[Hour]>::to_vec).collect();
        let mut days =
            Self { lake: lake.clone(), cluster: cluster.clone(), tables, left: days.into_iter(), next: JoinSet::new() };
        days.fetch_next();
        days
    }

    fn fetch_next(&mut self) {
        if let Some(hours) = self.left.next() {
            self.next.spawn(fetch_day(self.lake.clone(), self.cluster.clone(), hours, self.tables));
        }
    }

    /// The next day, oldest first; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<PartObjects>>, AnalyzeError> {
        let Some(fetched) = self.next.join_next().await else { return Ok(None) };
        let day = fetched??;
        self.fetch_next();
        Ok(Some(day))
    }
}

/// Parts fetched at once.
const FETCHES: usize = 4;
/// Number of looks at a day whose objects went while they were fetched: it was being compacted.
const LOOKS: u32 = 3;

/// Fetches the parts of a day that hold `hours`, which are sorted.
async fn fetch_day(
    lake: Lake,
    cluster: ClusterId,
    hours: Vec<Hour>,
    tables: Tables,
) -> Result<Vec<PartObjects>, AnalyzeError> {
    let Some(day) = hours.first().map(|hour| Day::of(*hour)) else { return Ok(Vec::new()) };
    let mut looks = 1;
    loop {
        let mut parts = lake.parts(&cluster, day, Some(&hours)).await?;
        // A day's objects hold outdated rows of hours that are parts of their own. They come first, before any part whose
        // hours those are, so that no row of them finds its hour.
        parts.sort_by_key(|part| part.whole);
        match fetch_parts(&lake, parts, tables).await {
            Err(AnalyzeError::Lake(error)) if error.is_gone() && looks < LOOKS => looks += 1,
            fetched => return fetched,
        }
    }
}

async fn fetch_parts(lake: &Lake, parts: Vec<Part>, tables: Tables) -> Result<Vec<PartObjects>, AnalyzeError> {
    let mut day = Vec::with_capacity(parts.len());
    let mut left = parts.into_iter().enumerate();
    let mut fetches = JoinSet::new();
    let fetch = |(n, part)| {
        let lake = lake.clone();
        async move { (n, fetch_part(&lake, part, tables).await) }
    };
    left.by_ref().take(FETCHES).for_each(|part| {
        fetches.spawn(fetch(part));
    });
    let mut failed: Option<(usize, LakeError)> = None;
    while let Some(fetched) = fetches.join_next().await {
        match fetched? {
            (n, Ok(objects)) => day.push((n, objects)),
            // Of several that fail, the oldest is named, whichever came back first.
            (n, Err(error)) => {
                if failed.as_ref().is_none_or(|(oldest, _)| n < *oldest) {
                    failed = Some((n, error));
                }
            }
        }
        if let Some(part) = left.next().filter(|_| failed.is_none()) {
            fetches.spawn(fetch(part));
        }
    }
    if let Some((_, error)) = failed {
        return Err(error.into());
    }
    day.sort_by_key(|(n, _)| *n);
    Ok(day.into_iter().map(|(_, objects)| objects).collect())
}

async fn fetch_part(lake: &Lake, part: Part, tables: Tables) -> Result<PartObjects, LakeError> {
    Ok(PartObjects {
        containers: fetch_table::<ContainerHour>(lake, &part, tables).await?,
        pods: fetch_table::<PodHour>(lake, &part, tables).await?,
        nodes: fetch_table::<NodeHour>(lake, &part, tables).await?,
        volumes: fetch_table::<VolumeHour>(lake, &part, tables).await?,
        quality: fetch_table::<QualityHour>(lake, &part, tables).await?,
        load_balancers: fetch_table::<LoadBalancerHour>(lake, &part, tables).await?,
        part,
    })
}

async fn fetch_table<T: Table>(lake: &Lake, part: &Part, tables: Tables) -> Result<Object, LakeError> {
    if tables.contains(&T::NAME) { lake.part_bytes::<T>(part).await } else { Ok(None) }
}
