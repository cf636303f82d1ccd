//! Missing data.

use super::*;
use crate::model::{AlertState, SeriesId};

fn policy(then: NoDataPolicy) -> Rule {
    let no_data = NoData {
        after: seconds(15),
        then,
        level: Level::Critical,
    };
    Rule { no_data, ..rule() }
}

#[test]
fn missing_data_is_not_recovery() {
    let table: &[(&str, Rule, &str, &[&str])] = &[
        (
            "an open alert says so, once",
            policy(NoDataPolicy::Keep),
            "91 100*-",
            &["1 fired warning", "16 no_data warning"],
        ),
        (
            "silence before its time is nothing",
            policy(NoDataPolicy::Keep),
            "91 14*- 91",
            &["1 fired warning"],
        ),
        (
            "keep opens nothing",
            policy(NoDataPolicy::Keep),
            "50 100*- 50",
            &[],
        ),
        (
            "data that come back firing are the same alert",
            policy(NoDataPolicy::Keep),
            "91 20*- 91 50",
            &[
                "1 fired warning",
                "16 no_data warning",
                "22 fired warning",
                "23 resolved warning recovered",
            ],
        ),
        (
            "inside the band it still fires",
            policy(NoDataPolicy::Keep),
            "91 20*- 80",
            &["1 fired warning", "16 no_data warning", "22 fired warning"],
        ),
        (
            "it may come back worse",
            policy(NoDataPolicy::Keep),
            "91 20*- 99",
            &["1 fired warning", "16 no_data warning", "22 fired critical"],
        ),
        (
            "it may come back well",
            policy(NoDataPolicy::Keep),
            "91 20*- 50",
            &[
                "1 fired warning",
                "16 no_data warning",
                "22 resolved warning recovered",
            ],
        ),
        (
            "fire opens an alert, data end it",
            policy(NoDataPolicy::Fire),
            "50 100*- 80 50",
            &["16 no_data critical", "102 resolved critical recovered"],
        ),
        (
            "fire goes over into a threshold's alert",
            policy(NoDataPolicy::Fire),
            "50 20*- 91",
            &["16 no_data critical", "22 fired warning"],
        ),
        (
            "fire keeps the level of an open alert",
            policy(NoDataPolicy::Fire),
            "91 20*-",
            &["1 fired warning", "16 no_data warning"],
        ),
        (
            "resolve takes it for the end",
            policy(NoDataPolicy::Resolve),
            "91 20*- 91",
            &[
                "1 fired warning",
                "16 resolved warning series_gone",
                "22 fired warning",
            ],
        ),
        (
            "after the end, the band is a fresh start",
            policy(NoDataPolicy::Resolve),
            "91 20*- 80",
            &["1 fired warning", "16 resolved warning series_gone"],
        ),
        (
            "a hold does not ripen in silence",
            Rule {
                hold: seconds(5),
                ..rule()
            },
            "95 95 14*-",
            &[],
        ),
        (
            "a hold does not count across silence",
            Rule {
                hold: seconds(5),
                ..rule()
            },
            "95 95 20*- 95 95 95",
            &[],
        ),
        (
            "nor does recovery",
            Rule {
                keep_firing_for: seconds(5),
                ..rule()
            },
            "95 70 20*- 70 70 70",
            &["1 fired warning", "17 no_data warning", "23 fired warning"],
        ),
    ];
    for (what, rule, script, expected) in table {
        let told = World::new([rule.clone()]).play(script);
        assert_eq!(told, *expected, "{what}: {script}");
    }
}

#[test]
fn a_return_keeps_the_id() {
    let mut world = World::new([rule()]);
    world.play("91");
    let fired = world.open();
    world.play("20*-");
    let silent = world.open();
    assert_eq!((silent.id, silent.state), (fired.id, AlertState::NoData));
    assert_eq!(
        (silent.value, silent.threshold, silent.why.last),
        (None, None, Some(91.0))
    );
    assert_eq!(silent.message, "no data from cpu_usage on web1 for 15 s");
    world.play("91");
    assert_eq!(
        (world.open().id, world.open().since),
        (fired.id, fired.since)
    );
}

#[test]
fn silence_is_at_least_three_intervals() {
    let mut world = World::new([policy(NoDataPolicy::Fire)]);
    let series = world.series("cpu_usage", "%");
    let slow = Some(seconds(20));
    world
        .engine
        .observe(world.now, world.now, slow, [(&series, 1.0)].into_iter());
    assert_eq!(world.wait(59), []);
    let events = world.wait(1);
    assert_eq!(world.told(&events), ["60 no_data critical"]);
    assert_eq!(events[0].message, "no data from cpu_usage on web1 for 60 s");
}

#[test]
fn a_rule_may_be_about_silence_alone() {
    let mut world = World::new([Rule {
        levels: Levels::default(),
        message: Template::parse("{{ host }} is silent").unwrap(),
        ..policy(NoDataPolicy::Fire)
    }]);
    assert_eq!(world.play("99 15*-"), ["16 no_data critical"]);
    assert_eq!(world.open().message, "web1 is silent");
    let over = world.cpu(1.0).remove(0);
    assert_eq!(over.message, "cpu_usage on web1 has data again");
    assert_eq!(world.engine.open().count(), 0);
}

#[test]
fn what_silence_opened_does_not_wait_for_a_window() {
    let mut world = World::new([Rule {
        aggregate: Aggregate::Avg,
        window: seconds(600),
        ..policy(NoDataPolicy::Fire)
    }]);
    assert_eq!(
        world.play("50 15*- 50"),
        ["16 no_data critical", "17 resolved critical recovered"]
    );
}

#[test]
fn what_a_window_had_fired_waits_for_its_verdict() {
    let mut world = World::new([Rule {
        aggregate: Aggregate::Avg,
        window: seconds(20),
        ..policy(NoDataPolicy::Fire)
    }]);
    assert_eq!(
        world.play("20*95 30*- 10*10"),
        ["16 fired warning", "35 no_data warning"]
    );
    assert_eq!(world.play("6*10"), ["66 resolved warning recovered"]);
}

#[test]
fn a_source_that_its_user_stopped_is_not_missing() {
    let mut world = World::new([Rule {
        hold: seconds(5),
        ..policy(NoDataPolicy::Fire)
    }]);
    world.play("3*95");
    world.engine.source_stopped(&source(), world.now);
    assert_eq!(world.wait(1000), []);
    world.engine.source_started(&source(), world.now);
    assert_eq!(world.play("14*-"), [""; 0], "silence counts from the start");
    assert_eq!(world.play("95 95 95 95 95"), [""; 0], "and so do holds");
    assert_eq!(world.play("15*-").len(), 1);
}

#[test]
fn another_source_that_was_stopped_excuses_nobody() {
    let mut world = World::new([policy(NoDataPolicy::Fire)]);
    world.play("50");
    let another = SourceId::new("another");
    world.engine.source_stopped(&another, world.now);
    assert_eq!(world.play("10*-"), [""; 0]);
    world.engine.source_started(&another, world.now);
    assert_eq!(world.play("5*-"), ["16 no_data critical"]);
}

#[test]
fn the_end_of_a_series_ends_its_alert() {
    let mut world = World::new([rule()]);
    world.play("91 20*-");
    let id = world.series("cpu_usage", "%").id;
    let events = world.engine.series_gone(&[id, SeriesId(999)], world.now);
    assert_eq!(world.told(&events), ["21 resolved warning series_gone"]);
    assert_eq!(events[0].message, "cpu_usage on web1 has ended");
    assert_eq!(world.engine.series_gone(&[id], world.now), []);
    assert_eq!(world.wait(100), []);
}
