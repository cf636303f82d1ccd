//! One `[[rules]]` table and the checks between its keys.

use std::time::Duration;

use crate::model::{
    Aggregate, Direction, Globs, Guard, Level, NoData, NoDataPolicy, Rule, Template,
};

use super::{
    accept::{
        Accept, GlobList, Label, Metric, MetricGlob, Name, Number, Sentence, Span, Switch, Word,
    },
    levels,
    table::Table,
};

const DAY_SECONDS: u64 = 86_400;

/// What an alert says when its rule has no `message`.
const MESSAGE: &str = "{{ name }} is {{ value }} {{ unit }} on {{ host }}";

const AGGREGATES: Word<Aggregate> = Word(&[
    ("last", Aggregate::Last),
    ("avg", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
]);

const DIRECTIONS: Word<Direction> =
    Word(&[("above", Direction::Above), ("below", Direction::Below)]);

const POLICIES: Word<NoDataPolicy> = Word(&[
    ("keep", NoDataPolicy::Keep),
    ("fire", NoDataPolicy::Fire),
    ("resolve", NoDataPolicy::Resolve),
]);

const LEVELS: Word<Level> = Word(&[
    ("info", Level::Info),
    ("warning", Level::Warning),
    ("critical", Level::Critical),
]);

/// Reads all keys of a rule; none without a sound name, metric and message. The caller closes the table.
pub(super) fn read(table: &Table<'_>) -> Option<Rule> {
    let name = table.required("name", &Name);
    let metric = table.required("metric", &MetricGlob);
    let hosts = table.value("hosts", &GlobList, Globs::default());
    let labels = table.map("labels", &Label, &GlobList);
    let labels = labels
        .into_iter()
        .map(|(label, globs)| (label.as_str().to_owned(), globs))
        .collect();
    let (aggregate, window) = window(table);
    let when = table.sound("when", &DIRECTIONS, Direction::Above);
    let levels = levels::read(table, when);
    let guard = guard(table.child("and"));
    let holds = Span::seconds(0, 30 * DAY_SECONDS);
    let hold = table.value("for", &holds, Duration::ZERO);
    let keep_firing_for = table.value("keep_firing_for", &holds, Duration::ZERO);
    let no_data = no_data(table.child("no_data"));
    if !levels::ALL.iter().any(|level| table.has(level)) && no_data.then != NoDataPolicy::Fire {
        table.refuse(
            "warning",
            "info, warning or critical = { fire = NUMBER, clear = NUMBER }, at least one of them, or no_data.then = \"fire\"",
        );
    }
    let message = table.optional("message", &Sentence);
    let notify = table.value("notify", &Switch, true);
    let enabled = table.value("enabled", &Switch, true);
    Some(Rule {
        name: name?,
        metric: metric?,
        hosts,
        labels,
        aggregate,
        window,
        when: when.unwrap_or(Direction::Above),
        levels,
        guard,
        hold,
        keep_firing_for,
        no_data,
        message: message.or_else(|| Template::parse(MESSAGE).ok())?,
        notify,
        enabled,
    })
}

/// How a window becomes a value, and the window, which all but `last` need and `last` must not have.
fn window(table: &Table<'_>) -> (Aggregate, Duration) {
    let aggregate = table.sound("aggregate", &AGGREGATES, Aggregate::Last);
    let span = Span::seconds(0, DAY_SECONDS);
    let window = table.sound("window", &span, Duration::ZERO);
    if let (Some(aggregate), Some(window)) = (aggregate, window) {
        let last = aggregate == Aggregate::Last;
        if last && !window.is_zero() {
            table.refuse(
                "window",
                "none with aggregate \"last\"; for a window, aggregate = \"avg\", \"min\" or \"max\"",
            );
        } else if !last && window.is_zero() {
            let word = AGGREGATES.show(&aggregate);
            let most = Span::millis(1, DAY_SECONDS * 1000).accepted();
            table.refuse("window", format!("{most}, which aggregate {word} needs"));
        }
    }
    (
        aggregate.unwrap_or(Aggregate::Last),
        window.unwrap_or_default(),
    )
}

/// `and`: the second condition.
fn guard(table: Table<'_>) -> Option<Guard> {
    let metric = table.required("metric", &Metric);
    let when = table.value("when", &DIRECTIONS, Direction::Above);
    let value = table.required("value", &Number);
    table.close();
    Some(Guard {
        metric: metric?,
        when,
        value: value?,
    })
}

/// `no_data`: what silence means.
fn no_data(table: Table<'_>) -> NoData {
    let after = Span::seconds(1, 30 * DAY_SECONDS);
    let no_data = NoData {
        after: table.value("after", &after, Duration::from_secs(60)),
        then: table.value("then", &POLICIES, NoDataPolicy::Keep),
        level: table.value("level", &LEVELS, Level::Warning),
    };
    table.close();
    no_data
}
