//! What holds whatever happens.

use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

use super::*;
use crate::model::{AlertState, Guard, Reason, SeriesId, Transition};

const SERIES: [&str; 3] = ["cpu_usage@a", "cpu_usage@b", "free@a"];

#[derive(Debug, Clone)]
enum Step {
    /// Any of the series, in one batch, a second later.
    Batch([Option<f64>; 3]),
    Wait(u64),
    Stop,
    Start,
    Acknowledge,
    Gone(usize),
    /// Of one host, for a while.
    Silence(u64),
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..100.0,
        select(vec![0.0, 50.0, 75.0, 85.0, 90.0, 97.0, 99.0])
    ]
}

fn batch() -> impl Strategy<Value = Step> {
    [
        option::weighted(0.9, value()),
        option::weighted(0.9, value()),
        option::weighted(0.7, value()),
    ]
    .prop_map(Step::Batch)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => batch(),
        2 => (1..40_u64).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        2 => Just(Step::Start),
        1 => Just(Step::Acknowledge),
        1 => (0..3_usize).prop_map(Step::Gone),
        1 => (1..30_u64).prop_map(Step::Silence),
    ]
}

prop_compose! {
    fn any_rule()(
        aggregate in select(vec![
            Aggregate::Last, Aggregate::Avg, Aggregate::Min, Aggregate::Max, Aggregate::Sum, Aggregate::Count,
            Aggregate::P95, Aggregate::Rate, Aggregate::Delta,
        ]),
        when in select(vec![Direction::Above, Direction::Below]),
        flapping in select(vec![0, 2, 3]),
        again in option::of(Just(20)),
        window in select(vec![5, 10]),
        given in [any::<bool>(), any::<bool>(), any::<bool>()],
        hold in select(vec![0, 3]),
        keep in select(vec![0, 3]),
        then in select(vec![NoDataPolicy::Keep, NoDataPolicy::Fire, NoDataPolicy::Resolve]),
        level in select(Level::ALL.to_vec()),
        guarded in any::<bool>(),
    ) -> Rule {
        Rule {
            aggregate,
            window: if aggregate == Aggregate::Last { Duration::ZERO } else { seconds(window) },
            when,
            levels: levels(when, given),
            flapping: Flapping { after: flapping, within: seconds(30) },
            repeat: Repeat([None, again.map(seconds), again.map(seconds)]),
            hold: seconds(hold),
            keep_firing_for: seconds(keep),
            no_data: NoData { after: seconds(15), then, level },
            guard: guarded.then(|| Guard { metric: "free".into(), when: Direction::Below, value: 60.0 }),
            ..rule()
        }
    }
}

/// Those of the levels that are given.
fn levels(when: Direction, given: [bool; 3]) -> Levels {
    let bands = match when {
        Direction::Above => [(50.0, 50.0), (90.0, 75.0), (97.0, 85.0)],
        Direction::Below => [(50.0, 50.0), (20.0, 40.0), (5.0, 30.0)],
    };
    let level = |level: Level| {
        let (fire, clear) = bands[level as usize];
        given[level as usize].then_some(Threshold { fire, clear })
    };
    Levels {
        info: level(Level::Info),
        warning: level(Level::Warning),
        critical: level(Level::Critical),
    }
}

/// Two rules, of which one watches the guard's series too.
fn rules() -> impl Strategy<Value = Vec<Rule>> {
    (any_rule(), any_rule()).prop_map(|(first, second)| {
        let second = Rule {
            name: "second".into(),
            mutes: Globs::new(["cpu_*"]),
            metric: Glob::new("*"),
            ..second
        };
        vec![first, second]
    })
}

/// A step as it goes into an engine.
#[derive(Debug)]
enum Input {
    Batch(Timestamp, Vec<(Arc<Series>, f64)>),
    Ticks(Vec<Timestamp>),
    Stop(Timestamp),
    Start(Timestamp),
    Acknowledge(Timestamp),
    Gone(SeriesId, Timestamp),
    Silence(Box<Silence>, Timestamp),
}

impl World {
    fn all_series(&mut self) -> Vec<Arc<Series>> {
        SERIES.iter().map(|name| self.series(name, "%")).collect()
    }

    fn input(&mut self, step: &Step) -> Input {
        match step {
            Step::Batch(values) => {
                self.now = self.now.plus(SECOND);
                let series = self.all_series().into_iter();
                let samples = series.zip(values).filter_map(|(s, v)| Some((s, (*v)?)));
                Input::Batch(self.now, samples.collect())
            }
            Step::Wait(length) => {
                let start = self.now;
                self.now = start.plus(seconds(*length));
                Input::Ticks((1..=*length).map(|s| start.plus(seconds(s))).collect())
            }
            Step::Stop => Input::Stop(self.now),
            Step::Start => Input::Start(self.now),
            Step::Acknowledge => Input::Acknowledge(self.now),
            Step::Gone(at) => {
                let id = self.series(SERIES[*at], "%").id;
                self.series.remove(SERIES[*at]);
                self.writer.expire(&[id]);
                Input::Gone(id, self.now)
            }
            Step::Silence(length) => {
                let silence = silence(
                    Uuid::from_u128(self.now.as_millis() as u128),
                    self.now,
                    *length,
                );
                Input::Silence(Box::new(silence), self.now)
            }
        }
    }

    fn take(&mut self, step: &Step) -> Vec<AlertEvent> {
        let input = self.input(step);
        apply(&mut self.engine, &input)
    }

    fn run(&mut self, steps: &[Step]) -> Vec<AlertEvent> {
        steps.iter().flat_map(|step| self.take(step)).collect()
    }
}

fn apply(engine: &mut Engine, input: &Input) -> Vec<AlertEvent> {
    match *input {
        Input::Batch(now, ref samples) => {
            let samples = samples.iter().map(|(series, value)| (series, *value));
            let mut events = engine.observe(now, now, Some(SECOND), samples);
            events.extend(engine.tick(now));
            events
        }
        Input::Ticks(ref ticks) => ticks.iter().flat_map(|now| engine.tick(*now)).collect(),
        Input::Stop(now) => {
            engine.source_stopped(&source(), now);
            vec![]
        }
        Input::Start(now) => {
            engine.source_started(&source(), now);
            vec![]
        }
        Input::Acknowledge(now) => {
            let open = engine.open();
            let last = open.max_by_key(|alert| (alert.rule.clone(), alert.series.clone()));
            let id = last.map(|alert| alert.id);
            let seen = id.and_then(|id| engine.acknowledge(id, person(), now).expect("it is open"));
            seen.into_iter().collect()
        }
        Input::Gone(id, now) => engine.series_gone(&[id], now),
        Input::Silence(ref silence, now) => engine.silence(Silence::clone(silence), now),
    }
}

/// Everything but which alert it is.
fn without_ids<'a>(events: impl IntoIterator<Item = &'a AlertEvent>) -> Vec<AlertEvent> {
    let strip = |event: &AlertEvent| AlertEvent {
        id: Uuid::nil(),
        ..event.clone()
    };
    events.into_iter().map(strip).collect()
}

/// Those of one moment may be in the order of their ids, which differ.
fn in_order(mut events: Vec<AlertEvent>) -> Vec<AlertEvent> {
    let key = |event: &AlertEvent| (event.timestamp, event.rule.clone(), event.series.clone());
    events.sort_by_key(key);
    events
}

/// Checks one event against the alert that was open before it, of the same rule and series.
fn follows(before: Option<&AlertEvent>, event: &AlertEvent) {
    let expected = match event.transition {
        Transition::Fired | Transition::Escalated | Transition::Deescalated => AlertState::Firing,
        Transition::NoData => AlertState::NoData,
        Transition::Resolved => AlertState::Resolved,
        Transition::Acknowledged
        | Transition::Silenced
        | Transition::Unsilenced
        | Transition::Reminder => before.expect("it is open").state,
    };
    assert_eq!(event.silenced, event.silenced_by.is_some());
    assert_eq!(
        event.by.is_some(),
        event.transition == Transition::Acknowledged
    );
    assert_eq!(event.state, expected);
    assert_eq!(event.reason.is_some(), event.state == AlertState::Resolved);
    assert_ne!(event.reason, Some(Reason::RuleRemoved));
    assert!(!event.message.is_empty());
    let Some(before) = before else {
        assert!(matches!(
            event.transition,
            Transition::Fired | Transition::NoData
        ));
        assert_eq!((event.since, event.acknowledged), (event.timestamp, false));
        assert_eq!(event.previous_level, None);
        return;
    };
    assert_eq!((event.id, event.since), (before.id, before.since));
    assert!(event.timestamp >= before.timestamp);
    let changed = (event.level != before.level).then_some(before.level);
    assert_eq!(event.previous_level, changed);
    match event.transition {
        Transition::Fired => assert_eq!(before.state, AlertState::NoData),
        Transition::Escalated => assert!(event.level > before.level),
        Transition::Deescalated => assert!(event.level < before.level),
        Transition::NoData => assert_eq!(before.state, AlertState::Firing),
        Transition::Acknowledged => assert!(event.acknowledged && !before.acknowledged),
        Transition::Resolved => assert_eq!(event.level, before.level),
        Transition::Silenced => {
            assert!(event.silenced && event.silenced_by != before.silenced_by);
        }
        Transition::Unsilenced => assert!(!event.silenced && before.silenced),
        Transition::Reminder => {
            assert!(!event.acknowledged && !event.silenced);
            assert!(event.timestamp.since(before.timestamp) >= seconds(20));
        }
    }
    if event.transition != Transition::Acknowledged {
        let worse = event.level > before.level;
        assert_eq!(event.acknowledged, before.acknowledged && !worse);
    }
}

proptest! {
    /// No opening without a close, no close without an opening, no repetition; and the engine knows what is open.
    #[test]
    fn each_alert_opens_changes_and_closes_once(rules in rules(), steps in vec(step(), 1..120)) {
        let mut world = World::new(rules);
        let mut open: HashMap<(Arc<str>, SeriesKey), AlertEvent> = HashMap::new();
        let mut ids = std::collections::HashSet::new();
        for event in world.run(&steps) {
            let alert = (event.rule.clone(), event.series.clone());
            let before = open.remove(&alert);
            prop_assert!(before.is_some() || ids.insert(event.id), "ids are new");
            follows(before.as_ref(), &event);
            if event.state.is_open() {
                open.insert(alert, event);
            }
        }
        prop_assert_eq!(world.engine.open().count(), open.len());
        for alert in world.engine.open() {
            prop_assert_eq!(open.get(&(alert.rule.clone(), alert.series.clone())), Some(alert));
        }
    }

    #[test]
    fn inside_the_band_nothing_flaps(
        before in vec(value(), 0..20),
        band in vec(75.001..=90.0, 1..50),
        hold in 0..5_u64,
        keep in 0..5_u64,
    ) {
        let mut world = World::new([Rule {
            levels: Levels { warning: super::band(90.0, 75.0), ..Levels::default() },
            hold: seconds(hold),
            keep_firing_for: seconds(keep),
            ..rule()
        }]);
        for value in before {
            world.cpu(value);
        }
        for value in band {
            prop_assert_eq!(world.cpu(value), vec![]);
        }
    }

    /// A lens that knows that nothing would happen is right.
    #[test]
    fn not_asking_a_watch_changes_nothing(rules in rules(), steps in vec(step(), 1..120)) {
        let (mut quick, mut thorough) = (World::new(rules.clone()), World::new(rules));
        thorough.engine.context.thorough = true;
        for step in &steps {
            prop_assert_eq!(quick.take(step), thorough.take(step));
        }
        prop_assert_eq!(quick.engine.export(), thorough.engine.export());
    }

    /// The same rules again, and again: nothing is lost by it and nothing happens.
    #[test]
    fn setting_the_same_rules_changes_nothing(rules in rules(), steps in vec(step(), 1..80)) {
        let (mut left, mut reset) = (World::new(rules.clone()), World::new(rules.clone()));
        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        for step in &steps {
            prop_assert_eq!(left.take(step), reset.take(step));
            let events = reset.engine.set_rules(&rules, std::iter::empty(), reset.now);
            prop_assert_eq!(events, vec![]);
        }
        let (left, reset) = (left.engine.export(), reset.engine.export());
        prop_assert_eq!(left.watches, reset.watches);
    }

    #[test]
    fn the_same_input_makes_the_same_events(rules in rules(), steps in vec(step(), 1..80)) {
        let first = World::new(rules.clone()).run(&steps);
        prop_assert_eq!(World::new(rules).run(&steps), first);
    }

    /// Calls whose time is past, with samples that are past, slipped in anywhere.
    #[test]
    fn time_going_backwards_changes_nothing(
        rules in rules(),
        steps in vec(batch(), 1..60),
        noise in vec((0..60_usize, 1..1_000_000_u64, value()), 1..30),
    ) {
        let first = Step::Batch([Some(60.0), Some(60.0), Some(50.0)]);
        let mut straight = World::new(rules.clone());
        let mut crooked = World::new(rules);
        prop_assert_eq!(straight.take(&first), crooked.take(&first));
        for (at, step) in steps.iter().enumerate() {
            for (_, back, value) in noise.iter().filter(|(when, ..)| *when == at) {
                let past = crooked.start.minus(Duration::from_millis(*back));
                let series = crooked.all_series();
                let samples = series.iter().map(|series| (series, *value));
                prop_assert_eq!(crooked.engine.observe(past, past, Some(SECOND), samples), vec![]);
                prop_assert_eq!(crooked.engine.tick(past), vec![]);
            }
            prop_assert_eq!(straight.take(step), crooked.take(step));
        }
    }

    /// A new engine that restores what another exported, and has its windows filled, goes on as that one would.
    #[test]
    fn a_restart_without_downtime_changes_nothing(
        rules in rules(),
        before in vec(step(), 0..60),
        last in [value(), value(), value()],
        after in vec(step(), 1..60),
    ) {
        // Since when samples are counted is not carried over, where a source was told to start in between.
        let rules: Vec<_> = rules
            .into_iter()
            .map(|rule| match rule.aggregate {
                Aggregate::Count => Rule { aggregate: Aggregate::Sum, ..rule },
                _ => rule,
            })
            .collect();
        let mut world = World::new(rules.clone());
        // Silence is not carried over, so the restart comes right after a batch of all.
        let last = Step::Batch(last.map(Some));
        let history: Vec<_> = before.iter().chain([&last]).map(|step| world.input(step)).collect();
        for input in &history {
            apply(&mut world.engine, input);
        }

        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        let mut restored = Engine::new(rules, 99, GRACE);
        let switched = history.iter().rfind(|i| matches!(i, Input::Stop(_) | Input::Start(_)));
        if let Some(Input::Stop(_)) = switched {
            restored.source_stopped(&source(), world.now);
        }
        let events = restored.restore(world.engine.export(), world.now, world.now);
        prop_assert_eq!(events, vec![]);
        let alive = world.all_series();
        for input in &history {
            if let Input::Batch(timestamp, samples) = input {
                let samples = samples.iter().filter(|(s, _)| alive.iter().any(|a| a.id == s.id));
                restored.refill(world.now, *timestamp, samples.map(|(s, v)| (s, *v)));
            }
        }
        prop_assert_eq!(restored.export(), world.engine.export());

        for step in &after {
            let input = world.input(step);
            let (expected, events) = (apply(&mut world.engine, &input), apply(&mut restored, &input));
            prop_assert_eq!(in_order(without_ids(&events)), in_order(without_ids(&expected)));
        }
        let open = |engine: &Engine| in_order(without_ids(engine.open()));
        prop_assert_eq!(open(&restored), open(&world.engine));
    }

    /// Against an average made anew from all readings: 0 to 100, some of them lost.
    #[test]
    fn an_average_is_that_of_its_window(readings in vec(option::weighted(0.8, 0.0..100.0), 1..200)) {
        let mut world = World::new([Rule {
            aggregate: Aggregate::Avg,
            window: seconds(30),
            levels: Levels { info: band(50.0, 50.0), ..Levels::default() },
            ..rule()
        }]);
        let mut all: Vec<(Timestamp, f64)> = Vec::new();
        let mut lost = 0;
        let mut firing = false;
        for reading in std::iter::repeat_n(Some(0.0), 40).chain(readings) {
            // Never more than two in a row: a longer gap may cost the verdict.
            lost = if reading.is_none() && lost < 2 { lost + 1 } else { 0 };
            if lost > 0 {
                world.wait(1);
                continue;
            }
            let value = reading.unwrap_or(70.0);
            let events = world.cpu(value);
            all.push((world.now, value));
            let window = all.iter().filter(|(at, _)| *at > world.now.minus(seconds(30)));
            let (sum, samples) = window.fold((0.0, 0), |(sum, n), (_, v)| (sum + v, n + 1));
            let average = sum / f64::from(samples);
            prop_assert_eq!(!events.is_empty(), (average > 50.0) != firing);
            if let Some(event) = events.first() {
                firing = !firing;
                prop_assert!((event.value.unwrap() - average).abs() < 1e-9);
                prop_assert_eq!(event.why.samples, samples as usize);
            }
        }
    }
}
