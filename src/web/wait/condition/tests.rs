use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Unit},
    series::{Registry, Writer},
};

/// Below 50 for 30 s; a minute is silence. Times are seconds after the wait began.
const TERMS: Terms = Terms {
    when: Direction::Below,
    limit: 50.0,
    hold: Duration::from_secs(30),
    no_data: Duration::from_secs(60),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + seconds * 1000)
}

fn sample(seconds: i64, value: f64) -> Sample {
    Sample {
        timestamp: at(seconds),
        received: at(seconds),
        value,
    }
}

fn resolve(writer: &mut Writer, host: &str) -> Arc<Series> {
    let spec = SeriesSpec {
        key: SeriesKey {
            host: HostName::parse(host).unwrap(),
            name: MetricName::parse("cpu_usage").unwrap(),
            labels: Labels::default(),
        },
        unit: Unit::parse("%").unwrap(),
        kind: Kind::Gauge,
    };
    let mut found = writer.resolve(&SourceId::new("test"), &[spec]);
    found.remove(0).unwrap()
}

fn two_series() -> [Arc<Series>; 2] {
    let (_, mut writer) = Registry::new(10);
    ["a", "b"].map(|host| resolve(&mut writer, host))
}

fn condition() -> Condition {
    Condition::new(TERMS, at(0))
}

/// Lets samples of one series in; whether it was held after each.
fn verdicts<const N: usize>(samples: [(i64, f64); N]) -> [bool; N] {
    let [a, _] = two_series();
    let mut condition = condition();
    samples.map(|(seconds, value)| {
        condition.observe(&a, sample(seconds, value));
        condition.is_held(at(seconds))
    })
}

#[test]
fn a_hold_ripens_with_a_sample_that_is_late_enough() {
    let held = verdicts([(1, 49.0), (20, 1.0), (30, 1.0), (31, 49.9)]);
    assert_eq!(held, [false, false, false, true]);
}

#[test]
fn the_limit_itself_is_not_below_it() {
    assert_eq!(verdicts([(1, 50.0), (31, 50.0)]), [false, false]);
}

#[test]
fn a_spike_begins_the_hold_anew() {
    let held = verdicts([(1, 1.0), (20, 50.0), (21, 1.0), (31, 1.0), (51, 1.0)]);
    assert_eq!(held, [false, false, false, false, true]);
}

#[test]
fn without_a_hold_the_first_sample_decides() {
    let [a, _] = two_series();
    let terms = Terms {
        hold: Duration::ZERO,
        ..TERMS
    };
    let mut condition = Condition::new(terms, at(0));
    condition.know(&a, sample(-1, 1.0));
    assert!(!condition.is_held(at(0)));
    condition.observe(&a, sample(1, 1.0));
    assert!(condition.is_held(at(1)));
}

#[test]
fn what_was_measured_before_does_not_count() {
    assert_eq!(verdicts([(-40, 1.0), (-1, 1.0), (5, 1.0)]), [false; 3]);
    assert!(verdicts([(-40, 1.0), (5, 1.0), (35, 1.0)])[2]);
}

#[test]
fn no_series_is_no_success() {
    assert!(!condition().is_held(at(1000)));
}

#[test]
fn every_series_must_hold_at_once() {
    let [a, b] = two_series();
    let mut condition = condition();
    condition.know(&a, sample(-5, 1.0));
    condition.know(&b, sample(-5, 1.0));
    for second in (0..=40).step_by(10) {
        condition.observe(&a, sample(second, 1.0));
    }
    assert!(!condition.is_held(at(40)));
    condition.observe(&b, sample(41, 1.0));
    condition.observe(&b, sample(70, 1.0));
    assert!(!condition.is_held(at(70)));
    condition.observe(&a, sample(71, 99.0));
    condition.observe(&b, sample(71, 1.0));
    assert!(!condition.is_held(at(71)));
    condition.observe(&a, sample(72, 1.0));
    condition.observe(&a, sample(102, 1.0));
    assert!(condition.is_held(at(102)));
}

#[test]
fn silence_is_never_success() {
    let [a, b] = two_series();
    let mut condition = condition();
    for second in [0, 30] {
        condition.observe(&a, sample(second, 1.0));
    }
    assert!(condition.is_held(at(90)));
    // Another one holds later, when the first has been silent for too long.
    for second in [62, 92] {
        condition.observe(&b, sample(second, 1.0));
    }
    assert!(!condition.is_held(at(92)));
    // It speaks again: its hold is a new one.
    condition.observe(&a, sample(93, 1.0));
    assert!(!condition.is_held(at(93)));
    condition.observe(&a, sample(123, 1.0));
    assert!(condition.is_held(at(123)));
}

#[test]
fn a_jump_of_a_clock_is_a_gap() {
    let [a, _] = two_series();
    let mut condition = condition();
    condition.observe(&a, sample(1, 1.0));
    let jumped = Sample {
        timestamp: at(1000),
        ..sample(2, 1.0)
    };
    condition.observe(&a, jumped);
    assert!(!condition.is_held(at(2)));
}

#[test]
fn unseen_samples_break_holds() {
    let [a, _] = two_series();
    let mut condition = condition();
    condition.observe(&a, sample(1, 1.0));
    condition.break_holds();
    condition.observe(&a, sample(31, 1.0));
    assert!(!condition.is_held(at(31)));
}

#[test]
fn a_series_that_was_forgotten_and_came_back_is_one() {
    let (_, mut writer) = Registry::new(10);
    let a = resolve(&mut writer, "a");
    let mut condition = condition();
    condition.know(&a, sample(-5, 99.0));
    writer.expire(&[a.id]);
    let again = resolve(&mut writer, "a");
    assert_ne!(again.id, a.id);
    condition.observe(&again, sample(1, 1.0));
    condition.observe(&again, sample(31, 1.0));
    assert_eq!(condition.tracks().len(), 1);
    assert!(condition.is_held(at(31)));
}

#[test]
fn states_say_why() {
    let [a, b] = two_series();
    let mut condition = condition();
    condition.know(&a, sample(-5, 1.0));
    let state = |condition: &Condition, of: &Arc<Series>, now| {
        let mut tracks = condition.tracks();
        let track = tracks.find(|track| track.series.id == of.id).unwrap();
        condition.state(track, at(now))
    };
    assert_eq!(state(&condition, &a, 1), State::Waiting);
    assert_eq!(state(&condition, &a, 56), State::Silent);
    condition.observe(&b, sample(1, 50.0));
    assert_eq!(state(&condition, &b, 1), State::Failing);
    condition.observe(&b, sample(2, 1.0));
    assert_eq!(state(&condition, &b, 2), State::Holding);
    condition.observe(&b, sample(32, 1.0));
    assert_eq!(state(&condition, &b, 32), State::Held);
}

/// What the module promises, said backwards from the newest sample. `seen` has one series' samples in the order in
/// which they came.
fn promised(seen: &[Sample], now: Timestamp) -> bool {
    let mut taken: Vec<Sample> = Vec::new();
    for sample in seen {
        if taken.last().is_none_or(|l| l.timestamp <= sample.timestamp) {
            taken.push(*sample);
        }
    }
    let Some(last) = taken.last() else {
        return false;
    };
    let good = |s: &Sample| s.value < TERMS.limit && s.timestamp >= at(0);
    let mut since = None;
    let mut next = *last;
    for sample in taken.iter().rev() {
        let gap = next.received.since(sample.received);
        let gap = gap.max(next.timestamp.since(sample.timestamp));
        if !good(sample) || gap > TERMS.no_data {
            break;
        }
        since = Some(sample.timestamp);
        next = *sample;
    }
    let long = since.is_some_and(|since| last.timestamp.since(since) >= TERMS.hold);
    long && now.since(last.received) <= TERMS.no_data
}

proptest! {
    /// Steps: which series, seconds until it came, how much older it is than that, and its value.
    #[test]
    fn the_verdict_is_what_is_promised(
        steps in vec((0..2_usize, 0..25_i64, -3..20_i64, prop_oneof![8 => 0.0..49.0, 1 => 50.0..99.0]), 1..60),
        start in -30..5_i64,
        patience in 0..90_i64,
    ) {
        let series = two_series();
        let mut condition = condition();
        let mut seen = [Vec::new(), Vec::new()];
        let mut now = start;
        for (of, wait, age, value) in steps {
            now += wait;
            let sample = Sample { timestamp: at(now - age), received: at(now), value };
            condition.observe(&series[of], sample);
            seen[of].push(sample);
            for now in [now, now + patience] {
                let mut present = seen.iter().filter(|seen| !seen.is_empty());
                let expected = present.all(|seen| promised(seen, at(now)));
                prop_assert_eq!(condition.is_held(at(now)), expected);
            }
        }
    }

    /// A violation is never forgotten before the hold has passed after it, whatever else happens.
    #[test]
    fn a_violation_costs_a_whole_hold(
        before in vec(0..100_i64, 0..20),
        after in vec(1..40_i64, 1..20),
    ) {
        let [a, _] = two_series();
        let mut condition = condition();
        let mut times = before;
        times.sort_unstable();
        for second in times {
            condition.observe(&a, sample(second, 1.0));
        }
        condition.observe(&a, sample(100, 50.0));
        let mut now = 100;
        let mut first = None;
        for step in after {
            now += step;
            condition.observe(&a, sample(now, 1.0));
            let first = *first.get_or_insert(now);
            prop_assert_eq!(condition.is_held(at(now)), now - first >= 30);
        }
    }
}
