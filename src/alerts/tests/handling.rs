//! What keeps people from being told too much: flapping, reminders, silences, maintenance, rules that mute others.

use super::*;
use crate::model::{Maintenance, Schedule, SilencedBy, Transition};

fn transitions(events: &[AlertEvent]) -> Vec<Transition> {
    events.iter().map(|event| event.transition).collect()
}

#[test]
fn an_alert_that_wavers_is_held_until_it_is_calm() {
    let mut world = World::new([Rule {
        flapping: Flapping {
            after: 3,
            within: seconds(60),
        },
        levels: Levels {
            warning: band(90.0, 90.0),
            ..Levels::default()
        },
        ..rule()
    }]);
    let told = world.play("95 80 95 80 95 80 95 80 95 80 10*80");
    assert_eq!(
        told,
        [
            "1 fired warning",
            "2 resolved warning recovered",
            "3 fired warning",
            "4 resolved warning recovered",
            "5 fired warning",
        ]
    );
    assert!(world.open().flapping);
    // It has been calm from 10 on.
    assert_eq!(world.play("60*80"), ["70 resolved warning recovered"]);
    assert_eq!(world.play("95"), ["81 fired warning"]);
    assert!(!world.open().flapping, "it was calm");
}

#[test]
fn wavering_between_two_levels_is_held_at_the_worse() {
    let mut world = World::new([Rule {
        flapping: Flapping {
            after: 3,
            within: seconds(60),
        },
        ..rule()
    }]);
    let told = world.play("95 98 80 98 80 98 80 98 80");
    assert_eq!(
        told,
        [
            "1 fired warning",
            "2 escalated critical",
            "3 deescalated warning",
            "4 escalated critical",
        ]
    );
}

#[test]
fn people_are_told_again_at_the_pace_of_the_level_until_somebody_has_seen_it() {
    let mut world = World::new([Rule {
        repeat: Repeat([None, Some(seconds(60)), Some(seconds(30))]),
        ..rule()
    }]);
    assert_eq!(
        world.play("150*95"),
        [
            "1 fired warning",
            "61 reminder warning",
            "121 reminder warning"
        ]
    );
    assert_eq!(
        world.play("65*99"),
        [
            "151 escalated critical",
            "181 reminder critical",
            "211 reminder critical"
        ]
    );
    let id = world.open().id;
    world.engine.acknowledge(id, person(), world.now).unwrap();
    assert!(world.play("300*99").is_empty());
    // Whoever has seen a warning has not seen what comes after it.
    assert_eq!(
        world.play("70 99 30*99"),
        [
            "516 resolved critical recovered",
            "517 fired critical",
            "547 reminder critical"
        ]
    );
}

#[test]
fn a_reminder_that_was_due_during_a_restart_comes_after_it() {
    let rules = || {
        [Rule {
            repeat: Repeat([None, Some(seconds(60)), None]),
            ..rule()
        }]
    };
    let mut world = World::new(rules());
    world.play("50*95");
    world.restart(seconds(30), rules());
    assert_eq!(world.play("95"), ["81 reminder warning"]);
    assert!(world.play("59*95").is_empty());
}

#[test]
fn a_silence_is_told_and_what_still_fires_after_it_is_told_too() {
    let mut world = World::new([rule()]);
    world.play("95");
    let told = world
        .engine
        .silence(silence(Uuid::from_u128(1), world.now, 30), world.now);
    assert_eq!(transitions(&told), [Transition::Silenced]);
    assert_eq!(
        world.open().silenced_by,
        Some(SilencedBy::Silence(Uuid::from_u128(1)))
    );
    let told = world.play("29*95 5*95");
    assert_eq!(told, ["31 unsilenced warning"]);
    assert!(!world.open().silenced);
    assert!(world.engine.silences().is_empty());
}

#[test]
fn what_fires_in_a_silence_says_so_and_a_silence_can_be_taken_back() {
    let mut world = World::new([rule()]);
    let id = Uuid::from_u128(1);
    assert_eq!(
        world.engine.silence(silence(id, world.now, 300), world.now),
        []
    );
    let events = world.cpu(95.0);
    assert!(events[0].silenced, "{events:?}");
    assert_eq!(world.engine.open().next(), events.first());
    let (_, told) = world.engine.unsilence(id, world.now).unwrap();
    assert_eq!(transitions(&told), [Transition::Unsilenced]);
    assert_eq!(world.engine.unsilence(id, world.now), None);
}

#[test]
fn a_silence_is_of_what_it_fits_and_begins_when_it_says() {
    let mut world = World::new([rule()]);
    let mut later = silence(Uuid::from_u128(1), world.now, 300);
    later.from = world.now.plus(seconds(10));
    world.engine.silence(later, world.now);
    world.batch(&[("cpu_usage", 95.0), ("cpu_usage@web2", 95.0)]);
    let told = world.wait(12);
    assert_eq!(world.told(&told), ["10 silenced warning"]);
    let silenced: Vec<_> = world.engine.open().filter(|a| a.silenced).collect();
    assert_eq!(silenced.len(), 1);
    assert_eq!(silenced[0].series.host.as_str(), "web1");
}

#[test]
fn silences_survive_a_restart() {
    let mut world = World::new([rule()]);
    world.play("95");
    world
        .engine
        .silence(silence(Uuid::from_u128(1), world.now, 60), world.now);
    assert_eq!(world.restart(seconds(30), [rule()]), []);
    assert!(world.open().silenced);
    assert_eq!(world.play("30*95"), ["61 unsilenced warning"]);
}

#[test]
fn maintenance_silences_by_the_clock_week_after_week() {
    let mut world = World::new([rule()]);
    // The world begins at 2023-11-14 22:13:20 UTC.
    let nightly = Maintenance {
        name: "backup".into(),
        matcher: Matcher::default(),
        schedule: Schedule {
            days: Vec::new(),
            from: "22:14:00".parse().unwrap(),
            to: "22:15:00".parse().unwrap(),
            zone: chrono_tz::UTC,
        },
        reason: String::new(),
    };
    assert_eq!(
        world.engine.maintain(vec![Arc::new(nightly)], world.now),
        []
    );
    let told = world.play("39*95 61*95 95");
    assert_eq!(
        told,
        [
            "1 fired warning",
            "40 silenced warning",
            "100 unsilenced warning"
        ]
    );
    let by = world.open().silenced_by;
    assert_eq!(by, None);
}

/// A host's silence, which mutes all else of it.
fn host_down() -> Rule {
    Rule {
        name: "host_silent".into(),
        metric: Glob::new("uptime"),
        levels: Levels::default(),
        no_data: NoData {
            after: seconds(15),
            then: NoDataPolicy::Fire,
            level: Level::Critical,
        },
        mutes: Globs::new(["*"]),
        ..rule()
    }
}

#[test]
fn a_host_that_is_down_mutes_the_rest_of_it_and_nothing_else() {
    let mut world = World::new([rule(), host_down()]);
    let busy = [
        ("cpu_usage", 95.0),
        ("uptime", 1.0),
        ("cpu_usage@web2", 95.0),
        ("uptime@web2", 1.0),
    ];
    world.batch(&busy);
    // Only web2 goes on.
    let mut told = Vec::new();
    for _ in 0..20 {
        world.now = world.now.plus(SECOND);
        told.extend(world.batch(&busy[2..]));
        told.extend(world.engine.tick(world.now));
    }
    let told: Vec<_> = told
        .iter()
        .map(|e| (&*e.rule, e.transition, e.silenced))
        .collect();
    assert_eq!(
        told,
        [
            // Found in one second, in whatever order: the reason is not silenced, what follows of it is.
            ("cpu_high", Transition::NoData, true),
            ("host_silent", Transition::NoData, false),
        ]
    );
    let back = world.batch(&busy[..2]);
    let back: Vec<_> = back.iter().map(|e| (&*e.rule, e.transition)).collect();
    assert_eq!(
        back,
        [
            ("cpu_high", Transition::Fired),
            ("host_silent", Transition::Resolved),
        ]
    );
    assert!(world.engine.open().all(|alert| !alert.silenced));
}

#[test]
fn what_was_muted_and_goes_on_is_told_when_the_muting_ends() {
    let mut world = World::new([rule(), host_down()]);
    world.batch(&[("cpu_usage", 95.0), ("uptime", 1.0)]);
    world.wait(20);
    // The host is back, its CPU is not measured yet.
    let told = world.batch(&[("uptime", 1.0)]);
    assert_eq!(
        transitions(&told),
        [Transition::Resolved, Transition::Unsilenced]
    );
}

#[test]
fn other_rules_leave_states_and_holds_as_they_are() {
    let held = |fire| Rule {
        hold: seconds(10),
        levels: Levels {
            warning: band(fire, fire),
            ..Levels::default()
        },
        ..rule()
    };
    let mut world = World::new([held(90.0)]);
    world.play("5*95");
    let other = Rule {
        name: "other".into(),
        ..rule()
    };
    let set = |world: &mut World, rules: Vec<Rule>| {
        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        let series: Vec<_> = world.series.values().cloned().collect();
        let told = world
            .engine
            .set_rules(&rules, series.into_iter(), world.now);
        world.told(&told)
    };
    assert!(set(&mut world, vec![other.clone(), held(80.0)]).is_empty());
    assert_eq!(
        world.play("95 10*85"),
        ["6 fired warning", "11 fired warning"],
        "the hold went on; the new rule has its own"
    );
    assert_eq!(
        set(&mut world, vec![held(80.0)]),
        ["16 resolved warning rule_removed"]
    );
    assert!(world.play("85").is_empty());
    // What no rule watched is watched at once.
    world.batch(&[("memory", 95.0)]);
    let memory = Rule {
        metric: Glob::new("memory"),
        ..other
    };
    set(&mut world, vec![held(80.0), memory]);
    assert_eq!(world.batch(&[("memory", 95.0)]).len(), 1);
}

#[test]
fn a_window_of_a_new_rule_is_filled_with_what_was_before() {
    // Another one looks through a window already, so the newest samples are known.
    let windowed = || Rule {
        aggregate: Aggregate::Max,
        window: seconds(300),
        ..rule()
    };
    let mut world = World::new([windowed()]);
    let mut history = Vec::new();
    for value in (0..100).map(|n| f64::from(n % 10)) {
        world.cpu(value);
        history.push((world.now, value));
    }
    let average = Rule {
        name: "average".into(),
        aggregate: Aggregate::Avg,
        window: seconds(60),
        levels: Levels {
            info: band(4.0, 4.0),
            ..Levels::default()
        },
        ..rule()
    };
    let series = world.series("cpu_usage", "%");
    let rules = [Arc::new(windowed()), Arc::new(average)];
    let known = [series.clone()].into_iter();
    let told = world.engine.set_rules(&rules, known, world.now);
    assert_eq!(told, []);
    world.engine.recall(series.id, history.iter().copied());
    let told = world.cpu(0.0);
    assert_eq!(world.told(&told), ["101 fired info"]);
    let open = world.open();
    // The newest 60 samples: 59 of 0 to 9, beginning with 1, and another 0.
    let expected = (41..100).map(|n| f64::from(n % 10)).sum::<f64>() / 60.0;
    assert!((open.value.unwrap() - expected).abs() < 1e-9, "{open:?}");
    assert_eq!(open.why.samples, 60);
}

#[test]
fn a_restart_within_a_maintenance_window_tells_nobody() {
    let window = || {
        vec![Arc::new(Maintenance {
            name: "backup".into(),
            matcher: Matcher::default(),
            schedule: Schedule {
                days: Vec::new(),
                from: "22:00:00".parse().unwrap(),
                to: "23:00:00".parse().unwrap(),
                zone: chrono_tz::UTC,
            },
            reason: String::new(),
        })]
    };
    let mut world = World::new([rule()]);
    world.engine.maintain(window(), world.now);
    world.play("95");
    assert!(world.open().silenced);
    let saved = world.engine.export();
    let mut next = World::new([rule()]);
    next.now = world.now.plus(SECOND);
    let mut told = next.engine.maintain(window(), next.now);
    told.extend(next.engine.restore(saved, world.now, next.now));
    assert_eq!(told, []);
    assert!(next.open().silenced);
}

#[test]
fn of_two_rules_that_mute_each_other_the_older_alert_is_told() {
    let other = Rule {
        name: "other_silent".into(),
        ..host_down()
    };
    let mut world = World::new([host_down(), other]);
    world.batch(&[("uptime", 1.0)]);
    let told = world.wait(15);
    let silenced: Vec<_> = told.iter().map(|event| event.silenced).collect();
    assert_eq!(
        silenced.iter().filter(|silenced| !**silenced).count(),
        1,
        "{told:?}"
    );
}

#[test]
fn a_count_knows_nothing_of_a_time_that_nobody_watched() {
    let counted = Rule {
        aggregate: Aggregate::Count,
        window: seconds(30),
        when: Direction::Below,
        levels: Levels {
            warning: band(10.0, 10.0),
            ..Levels::default()
        },
        ..rule()
    };
    let mut world = World::new([counted]);
    assert!(world.play("60*1").is_empty());
    world.engine.source_stopped(&source(), world.now);
    assert!(world.wait(600).is_empty());
    world.engine.source_started(&source(), world.now);
    assert!(world.play("60*1").is_empty(), "it begins to count anew");
}
