//! Clocks that step, and machines that sleep.

use super::*;

fn held() -> Rule {
    Rule {
        hold: seconds(30),
        keep_firing_for: seconds(30),
        ..rule()
    }
}

#[test]
fn a_clock_step_neither_fires_nor_clears() {
    for step in [11, 60, 3600, 86_400 * 365] {
        let mut world = World::new([held()]);
        assert_eq!(world.play("10*95"), [""; 0]);
        world.now = world.now.plus(seconds(step));
        assert_eq!(
            world.play("95 -"),
            [""; 0],
            "{step} s forward is neither a hold nor silence"
        );
        assert_eq!(world.play("18*95").len(), 0);
        assert_eq!(
            world.play("95 95").len(),
            1,
            "the hold went on where it was"
        );
        assert_eq!(world.play("10*70").len(), 0);
        world.now = world.now.plus(seconds(step));
        assert_eq!(
            world.play("20*70").len(),
            0,
            "{step} s forward is no recovery"
        );
        assert_eq!(world.play("3*70").len(), 1);
    }
}

#[test]
fn a_clock_step_before_a_restart_is_no_hold_either() {
    let mut world = World::new([held()]);
    world.play("10*95");
    world.now = world.now.plus(seconds(3600));
    world.play("95");
    world.restart(Duration::ZERO, [held()]);
    // The second in which the clock stepped does not count.
    assert_eq!(world.play("20*95"), [""; 0]);
    assert_eq!(world.play("95").len(), 1);
}

#[test]
fn a_clock_step_does_not_fill_a_window() {
    let mut world = World::new([Rule {
        aggregate: Aggregate::Avg,
        window: seconds(60),
        ..rule()
    }]);
    assert_eq!(world.play("5*99"), [""; 0]);
    world.now = world.now.plus(seconds(50));
    assert_eq!(world.play("40*99"), [""; 0]);
}

#[test]
fn while_the_clock_is_behind_time_stands() {
    let mut world = World::new([held()]);
    world.play("29*95");
    let noon = world.now;
    for second in 0..100 {
        world.now = noon.minus(seconds(200 - second));
        assert_eq!(world.engine.tick(world.now), [], "no silence");
    }
    world.now = noon;
    assert_eq!(world.play("95 95"), ["31 fired warning"]);
}
