//! Charts of the past: which there are for a host or for metrics that somebody picked, and their values out of the store.

mod grid;

use std::collections::{BTreeMap, BTreeSet};

use self::grid::{Drawn, on_grid};
use super::{
    catalogue::{self, CHARTS, ChartOf, MOST_LINES, PAST_CHARTS},
    charts::labels_of,
};
use crate::{
    entry::pending::Busy,
    history::plan::{Group, matching},
    model::{Globs, HostName, SeriesKey, Timestamp},
    rules::Book,
    store::{
        block::ReadError,
        catalogue::Catalogue,
        history::{self, Figures, Query, Step},
        readers::Readers,
    },
    web::pages::{
        chart::{Chart, ChartKind, ChartLine, ChartSeries},
        svg,
    },
};

/// Values of a chart, at most, but for times of many years.
const POINTS: i64 = 450;
/// The steps there are, in seconds: such as people count in, and whole minutes and hours, which are quicker to read. The
/// least is twice the usual interval of a sensor, so that no jitter is taken for a gap.
const STEPS: [i64; 22] = [
    2, 3, 4, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800,
    21_600, 43_200, 86_400,
];
/// Charts of picked metrics, at most.
pub const MOST_CHARTS: usize = 24;
/// Series read at once.
const AT_ONCE: usize = 16;

/// The time that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// From here.
    pub from: Timestamp,
    /// Up to, not with, this.
    pub to: Timestamp,
}

impl Span {
    /// How long it is, in milliseconds.
    pub fn millis(&self) -> i64 {
        (self.to.as_millis() - self.from.as_millis()).max(1)
    }

    /// How it is cut into steps.
    pub fn step(&self) -> Step {
        let wanted = self.millis() / POINTS;
        let fits = |seconds: &i64| seconds * 1000 >= wanted;
        let step = STEPS
            .into_iter()
            .find(fits)
            .unwrap_or(wanted / 1000 / 86_400 * 86_400 + 86_400);
        Step::exact(step * 1000)
    }

    /// The time before it.
    pub fn before(&self) -> Self {
        Self {
            from: Timestamp::from_millis(self.from.as_millis() - self.millis()),
            to: self.from,
        }
    }
}

/// A chart without its values.
struct Plan {
    id: String,
    title: String,
    kind: ChartKind,
    lines: Vec<Line>,
}

/// A line of a chart: one series.
struct Line {
    title: String,
    known: Group,
}

fn key_of(group: &Group) -> Option<&SeriesKey> {
    group.first().map(|known| known.series.key())
}

/// What is shown of a host: the charts there are, or one for each metric that fits `names`.
pub struct Shown {
    plans: Vec<Plan>,
    host: HostName,
}

impl Shown {
    /// Of a host, in a time.
    pub fn new(catalogue: &Catalogue, host: &HostName, names: &Globs, span: &Span) -> Self {
        let groups = matching(catalogue, (span.from, span.to), |key| key.host == *host);
        let usual = names.is_empty();
        let plans: Vec<Plan> = if usual {
            let all = CHARTS.iter().chain(PAST_CHARTS);
            all.filter_map(|of| usual_plan(of, &groups)).collect()
        } else {
            picked_plans(names, groups)
        };
        Self {
            plans,
            host: host.clone(),
        }
    }

    /// Of one series, in a time.
    pub fn series(catalogue: &Catalogue, key: &SeriesKey, span: &Span) -> Self {
        let groups = matching(catalogue, (span.from, span.to), |of| of == key);
        let lines = groups.into_iter().map(|known| Line {
            title: labels_of(key),
            known,
        });
        Self {
            plans: vec![Plan {
                id: "series".to_owned(),
                title: format!("{} on {}", key.name, key.host),
                kind: ChartKind::Line,
                lines: lines.collect(),
            }],
            host: key.host.clone(),
        }
    }

    /// The metrics in it.
    pub fn names(&self) -> BTreeSet<String> {
        let lines = self.plans.iter().flat_map(|plan| &plan.lines);
        lines
            .filter_map(|line| Some(key_of(&line.known)?.name.to_string()))
            .collect()
    }

    /// Reads it; with `compare`, the time before as well. A chart without a value is left out.
    pub async fn read(
        self,
        readers: &Readers,
        book: &Book,
        (span, is_live): (Span, bool),
        compare: bool,
    ) -> Result<Result<Vec<Chart>, ReadError>, Busy> {
        let step = span.step();
        let lines: Vec<&Line> = self.plans.iter().flat_map(|plan| &plan.lines).collect();
        let mut now = Vec::new();
        let mut then = Vec::new();
        for (of, into) in [
            (Some(span), &mut now),
            (compare.then(|| span.before()), &mut then),
        ] {
            let Some(of) = of else {
                continue;
            };
            match values(readers, &lines, of, step).await? {
                Ok(read) => *into = read,
                Err(error) => return Ok(Err(error)),
            }
        }
        let first = span.from.as_millis().div_euclid(step.millis);
        let mut now = now.into_iter();
        let mut then = then.into_iter();
        let mut charts = Vec::new();
        for plan in self.plans {
            let mut series = Vec::new();
            for line in &plan.lines {
                let drawn = now.next().unwrap_or_default();
                let before = then.next().map(|drawn| drawn.values);
                let Some(known) = line.known.last() else {
                    continue;
                };
                if drawn.values.iter().all(Option::is_none) {
                    continue;
                }
                let key = known.series.key();
                let labels = key.labels.iter();
                series.push(ChartSeries {
                    name: key.name.to_string(),
                    labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                    title: line.title.clone(),
                    values: drawn.values,
                    newest: drawn.newest,
                    holds: drawn.holds,
                    bounds: drawn.bounds,
                    before,
                });
            }
            let Some(known) = plan.lines.first().and_then(|line| line.known.last()) else {
                continue;
            };
            if series.is_empty() {
                continue;
            }
            let unit = known.series.spec.unit.as_str().to_owned();
            let lines = book.lines(known.series.key());
            charts.push(Chart {
                id: plan.id,
                title: plan.title,
                max: (unit == "%").then_some(100.0),
                unit,
                host: self.host.to_string(),
                kind: plan.kind,
                series,
                thresholds: lines
                    .iter()
                    .map(|line| ChartLine {
                        value: line.value,
                        level: line.level,
                    })
                    .collect(),
                start: first * step.millis,
                step: step.millis,
                range: (!is_live).then(|| (span.from.as_millis(), span.to.as_millis())),
            });
        }
        Ok(Ok(charts))
    }
}

fn usual_plan(of: &ChartOf, groups: &[Group]) -> Option<Plan> {
    let mut lines = Vec::new();
    for (name, title) in of.metrics {
        let all = groups
            .iter()
            .filter_map(|group| Some((key_of(group)?, group)));
        let fits = all.filter(|(key, _)| key.name.as_str() == *name && catalogue::is_whole(key));
        lines.extend(fits.map(|(key, group)| Line {
            title: format!("{title} {}", labels_of(key)).trim().to_owned(),
            known: group.clone(),
        }));
    }
    lines.truncate(MOST_LINES);
    (!lines.is_empty()).then(|| Plan {
        id: of.id.to_owned(),
        title: of.title.to_owned(),
        // Columns are for few steps.
        kind: match of.kind {
            ChartKind::Bar => ChartKind::Area,
            kind => kind,
        },
        lines,
    })
}

/// A chart for each metric, several where it has more series than one chart has room for.
fn picked_plans(names: &Globs, groups: Vec<Group>) -> Vec<Plan> {
    let mut by_name: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for known in groups {
        let Some(key) = key_of(&known).cloned() else {
            continue;
        };
        if names.matches(key.name.as_str()) {
            let labels = labels_of(&key);
            let title = if labels.is_empty() {
                key.name.to_string()
            } else {
                labels
            };
            let lines = by_name.entry(key.name.to_string()).or_default();
            lines.push(Line { title, known });
        }
    }
    let mut plans = Vec::new();
    for (name, lines) in by_name {
        let charts = lines.len().div_ceil(MOST_LINES);
        let mut lines = lines.into_iter();
        for n in 1..=charts {
            let of_many = match charts {
                1 => String::new(),
                _ => format!(" ({n} of {charts})"),
            };
            plans.push(Plan {
                id: format!("{}-{n}", svg::slug(&name)),
                title: format!("{name}{of_many}"),
                kind: ChartKind::Line,
                lines: lines.by_ref().take(MOST_LINES).collect(),
            });
        }
    }
    plans.truncate(MOST_CHARTS);
    plans
}

/// The values of lines over a time, on the reading threads, some at once.
async fn values(
    readers: &Readers,
    lines: &[&Line],
    span: Span,
    step: Step,
) -> Result<Result<Vec<Drawn>, ReadError>, Busy> {
    let query = |line: &&Line| Query {
        series: line.known.iter().map(|known| known.number).collect(),
        from: span.from,
        to: span.to,
        step: Some(step),
        figures: Figures {
            bounds: true,
            sum: true,
            last: false,
        },
    };
    let mut pending = Vec::new();
    for some in lines.chunks(AT_ONCE) {
        let queries: Vec<Query> = some.iter().map(query).collect();
        pending.push(readers.read(move |stored| history::read(stored, &queries))?);
    }
    let first = span.from.as_millis().div_euclid(step.millis);
    let last = (span.to.as_millis() - 1).div_euclid(step.millis);
    let count = usize::try_from(last - first + 1).unwrap_or(1);
    let mut all = Vec::new();
    for pending in pending {
        match pending.await? {
            Ok(read) => all.extend(read.iter().map(|past| on_grid(past, first, count))),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(all))
}
