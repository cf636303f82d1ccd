//! What a restart must not lose, and what it must not invent.

use super::*;
use crate::model::AlertState;

fn held() -> Rule {
    Rule {
        hold: seconds(10),
        keep_firing_for: seconds(10),
        ..rule()
    }
}

#[test]
fn an_open_alert_stays_open_whatever_the_downtime() {
    for downtime in [0, 59, 86_400] {
        let mut world = World::new([rule()]);
        world.play("91");
        let before = world.open();
        world
            .engine
            .acknowledge(before.id, person(), world.now)
            .unwrap();
        let seen = world.open();
        assert_eq!(world.restart(seconds(downtime), [rule()]), []);
        assert_eq!(world.open(), seen);
        assert_eq!(world.play("80"), [""; 0], "it is known to fire");
        let over = world.cpu(10.0).remove(0);
        assert_eq!((over.id, over.since), (before.id, before.since));
    }
}

#[test]
fn a_hold_goes_on_after_a_short_restart_and_starts_again_after_a_long_one() {
    for (downtime, fires_after) in [(0, 6), (60, 6), (61, 11)] {
        let mut world = World::new([held()]);
        world.play("5*95");
        world.restart(seconds(downtime), [held()]);
        assert_eq!(
            world.play(&format!("{}*95", fires_after - 1)),
            [""; 0],
            "{downtime}"
        );
        assert_eq!(world.play("95").len(), 1, "{downtime}");

        world.play("5*70");
        world.restart(seconds(downtime), [held()]);
        assert_eq!(
            world.play(&format!("{}*70", fires_after - 1)),
            [""; 0],
            "{downtime}"
        );
        assert_eq!(world.play("70").len(), 1, "{downtime}");
    }
}

#[test]
fn a_clock_that_is_set_back_over_a_restart_is_no_downtime_and_no_hold() {
    let mut world = World::new([held()]);
    world.play("5*95");
    let (saved, alive_until) = (world.engine.export(), world.now);
    let rules = vec![Arc::new(held())];
    world.engine = Engine::new(rules, 7, GRACE);
    world.now = world.now.minus(seconds(2 * 86_400));
    assert_eq!(world.engine.restore(saved, alive_until, world.now), []);
    assert_eq!(world.play("5*95"), [""; 0]);
    assert_eq!(world.play("95").len(), 1);
}

/// Saved when the revision changed, killed nine seconds later.
#[test]
fn what_was_saved_a_while_before_a_kill_is_not_out_of_date() {
    let mut world = World::new([held()]);
    world.play("95");
    let (saved, revision) = (world.engine.export(), world.engine.revision());
    world.play("9*95");
    assert_eq!(world.engine.revision(), revision, "nothing to save");
    let mut engine = Engine::new(vec![Arc::new(held())], 1, GRACE);
    engine.restore(saved, world.now, world.now);
    world.engine = engine;
    world.series.clear();
    world.writer = Registry::new(10).1;
    assert_eq!(world.play("95"), ["11 fired warning"]);
    assert_ne!(world.engine.revision(), revision);
}

#[test]
fn a_rule_that_is_gone_takes_its_alerts_with_it() {
    let disabled = Rule {
        enabled: false,
        ..rule()
    };
    let elsewhere = Rule {
        hosts: Globs::new(["db*"]),
        ..rule()
    };
    let renamed = Rule {
        name: "other".into(),
        ..rule()
    };
    for rules in [vec![], vec![disabled], vec![elsewhere], vec![renamed]] {
        let mut world = World::new([rule()]);
        world.play("91");
        let events = world.restart(SECOND, rules);
        assert_eq!(world.told(&events), ["2 resolved warning rule_removed"]);
        assert_eq!(events[0].message, "the rule cpu_high is no longer there");
        assert_eq!(world.engine.open().count(), 0);
    }
}

#[test]
fn changed_thresholds_apply_at_the_next_verdict() {
    let mut world = World::new([rule()]);
    world.play("91");
    let stricter = Rule {
        levels: Levels {
            critical: band(80.0, 70.0),
            ..Levels::default()
        },
        ..rule()
    };
    assert_eq!(world.restart(Duration::ZERO, [stricter]), []);
    assert_eq!(world.play("91"), ["2 escalated critical"]);
    let without = Rule {
        levels: Levels {
            info: band(95.0, 94.0),
            ..Levels::default()
        },
        ..rule()
    };
    world.restart(Duration::ZERO, [without]);
    assert_eq!(world.play("91"), ["3 resolved critical recovered"]);
}

#[test]
fn a_host_that_does_not_come_back_is_missed_and_at_last_forgotten() {
    let fire = Rule {
        no_data: NoData {
            then: NoDataPolicy::Fire,
            ..rule().no_data
        },
        ..rule()
    };
    // Nothing was wrong with web1: its silence is all that can be told.
    let mut world = World::new([fire.clone()]);
    world.play("50");
    world.restart(seconds(600), [fire]);
    assert_eq!(
        world.wait(14),
        [],
        "nobody listened while the server was down"
    );
    let events = world.wait(1);
    assert_eq!(world.told(&events), ["616 no_data warning"]);
    let id = world.open().id;
    assert!(
        world
            .engine
            .acknowledge(id, person(), world.now)
            .unwrap()
            .is_some()
    );
    assert_eq!(world.engine.unseen_gone(seconds(16), world.now), []);
    let events = world.engine.unseen_gone(seconds(15), world.now);
    assert_eq!(world.told(&events), ["616 resolved warning series_gone"]);
    assert_eq!(world.engine.open().count(), 0);
}

#[test]
fn a_stopped_source_stays_stopped_over_a_restart() {
    let mut world = World::new([rule()]);
    world.play("91");
    let saved = world.engine.export();
    let mut engine = Engine::new(vec![Arc::new(rule())], 1, GRACE);
    engine.source_stopped(&source(), world.now);
    engine.restore(saved, world.now, world.now);
    world.engine = engine;
    assert_eq!(world.wait(100), []);
    assert_eq!(world.open().state, AlertState::Firing);
    world.engine.source_started(&source(), world.now);
    assert_eq!(world.wait(15).len(), 1);
}

#[test]
fn only_what_is_not_in_order_is_saved() {
    let mut world = World::new([rule()]);
    world.play("50 60 50");
    assert_eq!(world.engine.export(), State::default());
    world.play("91");
    assert_eq!(world.engine.export().watches.len(), 1);
    world.play("10");
    assert_eq!(world.engine.export(), State::default());
}
