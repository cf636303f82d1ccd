//! One `[[rules]]` table and the checks between its keys.

use std::time::Duration;

use crate::model::{
    Aggregate, Direction, Flapping, Globs, Guard, Level, NoData, NoDataPolicy, Notify, Repeat,
    Rule, Tags, Template,
};

use super::{
    accept::{
        Accept, GlobList, Label, Metric, MetricGlob, Name, Number, OrNever, Sentence, Span, Switch,
        Text, Told, Whole, Word,
    },
    levels,
    maintenance::LEVELS,
    table::Table,
};

const DAY_SECONDS: u64 = 86_400;

/// What a rule has where it says nothing.
pub(super) const FLAPPING: Flapping = Flapping {
    after: 5,
    within: Duration::from_secs(600),
};
pub(super) const REPEAT: Repeat = Repeat([None, None, Some(Duration::from_secs(4 * 3600))]);
pub(super) const NO_DATA: NoData = NoData {
    after: Duration::from_secs(60),
    then: NoDataPolicy::Keep,
    level: Level::Warning,
};

/// What an alert says when its rule has no `message`.
const MESSAGE: &str = "{{ name }} is {{ value }} {{ unit }} on {{ host }}";

const AGGREGATES: Word<Aggregate> = Word(&[
    ("last", Aggregate::Last),
    ("avg", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("sum", Aggregate::Sum),
    ("count", Aggregate::Count),
    ("p95", Aggregate::P95),
    ("rate", Aggregate::Rate),
    ("delta", Aggregate::Delta),
    ("hours_until", Aggregate::HoursUntil),
]);

const DIRECTIONS: Word<Direction> =
    Word(&[("above", Direction::Above), ("below", Direction::Below)]);

const POLICIES: Word<NoDataPolicy> = Word(&[
    ("keep", NoDataPolicy::Keep),
    ("fire", NoDataPolicy::Fire),
    ("resolve", NoDataPolicy::Resolve),
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
    let until = until(table, aggregate);
    let when = table.sound("when", &DIRECTIONS, Direction::Above);
    // Hours are worse the fewer they are.
    let compares = match aggregate {
        Aggregate::HoursUntil => Some(Direction::Below),
        _ => when,
    };
    let levels = levels::read(table, compares);
    let guard = guard(table.child("and"));
    let holds = Span::seconds(0, 30 * DAY_SECONDS);
    let hold = table.value("for", &holds, Duration::ZERO);
    let keep_firing_for = table.value("keep_firing_for", &holds, Duration::ZERO);
    let flapping = flapping(table.child("flapping"));
    let no_data = no_data(table.child("no_data"));
    let mutes = table.value("mutes", &GlobList, Globs::default());
    let repeat = repeat(table.child("repeat"));
    let tags = table.map("tags", &Label, &Text).into_iter();
    let tags = tags.map(|(name, word)| (name.as_str().to_owned(), word));
    if !levels::ALL.iter().any(|level| table.has(level)) && no_data.then != NoDataPolicy::Fire {
        table.refuse(
            "warning",
            "info, warning or critical = { fire = NUMBER, clear = NUMBER }, at least one of them, or no_data.then = \"fire\"",
        );
    }
    let message = table.optional("message", &Sentence);
    let notify = table.value("notify", &Told, Notify::Routed);
    let enabled = table.value("enabled", &Switch, true);
    Some(Rule {
        name: name?,
        metric: metric?,
        hosts,
        labels,
        aggregate,
        window,
        until,
        when: when.unwrap_or(Direction::Above),
        levels,
        guard,
        hold,
        keep_firing_for,
        flapping,
        no_data,
        mutes,
        repeat,
        tags: Tags::new(tags),
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
                "none with aggregate \"last\"; for a window, aggregate = \"avg\", \"max\" or another",
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

/// `until`: what `hours_until` counts to, which nothing else does.
fn until(table: &Table<'_>, aggregate: Aggregate) -> Option<f64> {
    let until = table.optional("until", &Number);
    match (aggregate == Aggregate::HoursUntil, table.has("until")) {
        (true, false) => table.refuse("until", "the value that \"hours_until\" counts to"),
        (false, true) => table.refuse("until", "nothing, unless aggregate = \"hours_until\""),
        _ => {}
    }
    until
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
        after: table.value("after", &after, NO_DATA.after),
        then: table.value("then", &POLICIES, NO_DATA.then),
        level: table.value("level", &LEVELS, NO_DATA.level),
    };
    table.close();
    no_data
}

/// `flapping`: what steadies an alert that wavers.
fn flapping(table: Table<'_>) -> Flapping {
    let flapping = Flapping {
        after: table.value("after", &Whole(0..=100), FLAPPING.after),
        within: table.value("within", &Span::seconds(1, DAY_SECONDS), FLAPPING.within),
    };
    table.close();
    flapping
}

/// `repeat`: when people are told again, by level.
fn repeat(table: Table<'_>) -> Repeat {
    let span = OrNever(Span::seconds(60, 30 * DAY_SECONDS));
    let repeat = std::array::from_fn(|at| table.value(levels::ALL[at], &span, REPEAT.0[at]));
    table.close();
    Repeat(repeat)
}
