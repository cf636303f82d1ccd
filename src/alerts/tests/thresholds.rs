//! Levels, hysteresis, holds, guards, messages.

use super::*;
use crate::model::{AlertState, Guard, Transition};

/// What a rule makes of a minute of readings.
#[test]
fn a_rule_says_what_happens_and_nothing_else() {
    let held = || Rule {
        hold: seconds(3),
        ..rule()
    };
    let kept = || Rule {
        keep_firing_for: seconds(3),
        ..rule()
    };
    let below = || Rule {
        when: Direction::Below,
        levels: Levels {
            warning: band(10.0, 15.0),
            ..Levels::default()
        },
        ..rule()
    };
    let bandless = || Rule {
        levels: Levels {
            info: band(50.0, 50.0),
            ..Levels::default()
        },
        ..rule()
    };
    let table: &[(&str, Rule, &str, &[&str])] = &[
        (
            "at the threshold is not beyond it",
            rule(),
            "90 97 90",
            &["2 fired warning"],
        ),
        (
            "one metric has several levels",
            rule(),
            "91 98 99 84 76 75",
            &[
                "1 fired warning",
                "2 escalated critical",
                "4 deescalated warning",
                "6 resolved warning recovered",
            ],
        ),
        (
            "a jump is one event",
            rule(),
            "50 98 50",
            &["2 fired critical", "3 resolved critical recovered"],
        ),
        (
            "what goes on firing is told once",
            rule(),
            "60*95",
            &["1 fired warning"],
        ),
        (
            "around one threshold nothing flaps",
            rule(),
            "91 89 91 76 90.5 89",
            &["1 fired warning"],
        ),
        (
            "resolved comes with the sample that clears",
            rule(),
            "91 75",
            &["1 fired warning", "2 resolved warning recovered"],
        ),
        (
            "a hold is as long as it says",
            held(),
            "95 95 95 95",
            &["4 fired warning"],
        ),
        (
            "a breach that ends is forgotten",
            held(),
            "95 95 95 89 95 95 95 95",
            &["8 fired warning"],
        ),
        (
            "inside the band a pending breach has ended",
            held(),
            "95 95 95 80 95 95 95",
            &[],
        ),
        (
            "levels are held one by one",
            held(),
            "3*98 95 3*98 98",
            &["4 fired warning", "8 escalated critical"],
        ),
        (
            "recovery is held too",
            kept(),
            "95 70 70 70 70",
            &["1 fired warning", "5 resolved warning recovered"],
        ),
        (
            "a relapse while recovering is the same alert",
            kept(),
            "95 70 70 70 91 3*70 70",
            &["1 fired warning", "9 resolved warning recovered"],
        ),
        (
            "the band is no recovery",
            kept(),
            "95 70 70 80 70 70 70",
            &["1 fired warning"],
        ),
        (
            "below is the mirror of above",
            below(),
            "10 9 14 15",
            &["2 fired warning", "4 resolved warning recovered"],
        ),
        (
            "without a band, the line is the line",
            bandless(),
            "50 50.1 50",
            &["2 fired info", "3 resolved info recovered"],
        ),
        (
            "a disabled rule does not run",
            Rule {
                enabled: false,
                ..rule()
            },
            "99 99",
            &[],
        ),
    ];
    for (what, rule, script, expected) in table {
        let told = World::new([rule.clone()]).play(script);
        assert_eq!(told, *expected, "{what}: {script}");
    }
}

#[test]
fn an_event_carries_all_there_is_to_know() {
    let mut world = World::new([rule()]);
    let fired = world.cpu(97.234).remove(0);
    assert_eq!(fired.message, "CPU at 97.2 % on web1");
    assert_eq!((fired.value, fired.threshold), (Some(97.234), Some(97.0)));
    assert_eq!(
        (fired.why.fire, fired.why.clear, fired.why.samples),
        (Some(97.0), Some(85.0), 1)
    );
    assert_eq!((fired.since, fired.timestamp), (world.now, world.now));
    assert_eq!(fired.previous_level, None);
    let eased = world.cpu(80.0).remove(0);
    assert_eq!(
        (eased.level, eased.previous_level),
        (Level::Warning, Some(Level::Critical))
    );
    let over = world.cpu(10.0).remove(0);
    assert_eq!((over.id, over.since), (fired.id, fired.since));
    assert_eq!(
        (over.state, over.threshold),
        (AlertState::Resolved, Some(75.0))
    );
    let again = world.cpu(91.0).remove(0);
    assert_ne!(again.id, fired.id);
    assert_eq!(again.id.get_version_num(), 7);
}

#[test]
fn each_series_has_an_alert_of_its_own() {
    let mut world = World::new([Rule {
        hosts: Globs::new(["web*"]),
        ..rule()
    }]);
    let events = world.batch(&[
        ("cpu_usage@web1", 95.0),
        ("cpu_usage@web2", 98.0),
        ("cpu_usage@db", 99.0),
    ]);
    let hosts: Vec<_> = events.iter().map(|e| e.series.host.as_str()).collect();
    assert_eq!(hosts, ["web1", "web2"]);
    assert_ne!(events[0].id, events[1].id);
}

#[test]
fn two_rules_on_one_series_do_not_know_each_other() {
    let other = Rule {
        name: "cpu_hot".into(),
        hold: SECOND,
        ..rule()
    };
    let mut world = World::new([rule(), other]);
    world.play("95 95 70");
    assert_eq!(world.engine.open().count(), 0);
    let told = world.play("95 95");
    assert_eq!(told, ["4 fired warning", "5 fired warning"]);
}

#[test]
fn seeing_is_told_once_and_forgotten_when_it_gets_worse() {
    let mut world = World::new([rule()]);
    world.play("91");
    let id = world.open().id;
    let seen = world
        .engine
        .acknowledge(id, person(), world.now)
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.transition, seen.state),
        (Transition::Acknowledged, AlertState::Firing)
    );
    assert_eq!(world.engine.acknowledge(id, person(), world.now), Ok(None));
    world.play("98");
    assert!(
        !world.open().acknowledged,
        "an escalation wants to be seen again"
    );
    world.engine.acknowledge(id, person(), world.now).unwrap();
    world.play("80");
    assert!(world.open().acknowledged, "a de-escalation does not");
    world.play("10");
    assert!(world.engine.acknowledge(id, person(), world.now).is_err());
}

fn guarded() -> Rule {
    Rule {
        metric: Glob::new("disk_used"),
        guard: Some(Guard {
            metric: "disk_free".into(),
            when: Direction::Below,
            value: 5.0,
        }),
        ..rule()
    }
}

#[test]
fn a_guard_is_the_same_host_and_labels_and_of_the_same_batch() {
    let mut world = World::new([guarded()]);
    let full = ("disk_used@web1/a", 95.0);
    assert_eq!(
        world.batch(&[full]),
        [],
        "a guard without a value is not breached"
    );
    assert_eq!(
        world.batch(&[full, ("disk_free@web1/b", 1.0), ("disk_free@web2/a", 1.0)]),
        []
    );
    assert_eq!(world.batch(&[full, ("disk_free@web1/a", 9.0)]), []);
    let events = world.batch(&[full, ("disk_free@web1/a", 4.0)]);
    assert_eq!(world.told(&events), ["0 fired warning"]);
    let events = world.batch(&[full, ("disk_free@web1/a", 6.0)]);
    assert_eq!(
        world.told(&events),
        ["0 resolved warning recovered"],
        "room enough again"
    );
}

#[test]
fn a_guard_that_falls_silent_is_no_recovery() {
    let mut world = World::new([guarded()]);
    world.batch(&[("disk_used@web1/a", 95.0), ("disk_free@web1/a", 4.0)]);
    for _ in 0..30 {
        world.wait(1);
        assert_eq!(world.batch(&[("disk_used@web1/a", 95.0)]), []);
    }
    assert_eq!(world.open().level, Level::Warning);
    let events = world.batch(&[("disk_used@web1/a", 50.0)]);
    assert_eq!(world.told(&events), ["30 resolved warning recovered"]);
    assert_eq!(
        world.batch(&[("disk_used@web1/a", 95.0)]),
        [],
        "an old value breaches nothing"
    );
}

#[test]
fn messages_are_text_whatever_is_in_them() {
    let template = r#"{{ labels.disk }} {{labels}} {{ value }} of {{ threshold }}{{ unit }} {{ rule }} {{ level }} {{ name }} {{ labels.no }}"#;
    let mut world = World::new([Rule {
        message: Template::parse(template).unwrap(),
        ..rule()
    }]);
    let series = world.series(r#"cpu_usage@web1/"; $(reboot) {{ host }} \"#, "B");
    let events = world
        .engine
        .observe(world.now, world.now, None, [(&series, 1536.0)].into_iter());
    let disk = r#""; $(reboot) {{ host }} \"#;
    assert_eq!(
        events[0].message,
        format!("{disk} disk={disk:?} 1.5 KiB of 97 B cpu_high critical cpu_usage ")
    );
    let json = serde_json::to_string(&events[0]).unwrap();
    let back: AlertEvent = serde_json::from_str(&json).unwrap();
    assert_eq!(back, events[0]);
}

#[test]
fn a_correction_at_the_same_time_counts_and_an_older_sample_does_not() {
    let mut world = World::new([rule()]);
    let events = world.play("91");
    assert_eq!(events, ["1 fired warning"]);
    let series = world.series("cpu_usage", "%");
    let late = world.now.minus(SECOND);
    let old = world
        .engine
        .observe(world.now, late, Some(SECOND), [(&series, 10.0)].into_iter());
    assert_eq!(old, []);
    let corrected = world.batch(&[("cpu_usage", 10.0)]);
    assert_eq!(world.told(&corrected), ["1 resolved warning recovered"]);
}
