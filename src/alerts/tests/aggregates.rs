//! What a window is made into, beyond averages.

use super::*;

fn over(aggregate: Aggregate, window: u64, when: Direction, fire: f64) -> Rule {
    Rule {
        aggregate,
        window: seconds(window),
        when,
        levels: Levels {
            warning: band(fire, fire),
            ..Levels::default()
        },
        ..rule()
    }
}

#[test]
fn each_aggregate_is_what_its_name_says() {
    let above = |aggregate, fire| over(aggregate, 10, Direction::Above, fire);
    let table: &[(Rule, &str, f64, &str)] = &[
        (above(Aggregate::Sum, 50.0), "10*5 5 6", 51.0, "%"),
        (above(Aggregate::Delta, 3.0), "10*5 8 9", 4.0, "%"),
        (above(Aggregate::Rate, 0.4), "10*5 9", 4.0 / 9.0, "%/s"),
        (
            over(Aggregate::Delta, 10, Direction::Below, -3.0),
            "10*5 1",
            -4.0,
            "%",
        ),
        (above(Aggregate::P95, 50.0), "10*5 60", 60.0, "%"),
        (above(Aggregate::Count, 9.0), "10*5", 10.0, ""),
    ];
    for (rule, script, value, unit) in table {
        let mut world = World::new([rule.clone()]);
        world.play(script);
        let open = world.open();
        let found = open.value.unwrap();
        assert!((found - value).abs() < 1e-9, "{rule:?}: {found}");
        assert_eq!(open.unit, *unit);
    }
}

#[test]
fn a_percentile_is_not_moved_by_one_spike_in_a_hundred() {
    let mut world = World::new([over(Aggregate::P95, 100, Direction::Above, 50.0)]);
    assert!(world.play("50*5 100 50*5 3*100").is_empty());
    assert_eq!(world.play("5*100"), ["105 fired warning"]);
}

#[test]
fn fewer_samples_than_there_should_be_are_found_while_nothing_comes() {
    let mut world = World::new([over(Aggregate::Count, 60, Direction::Below, 3.0)]);
    // One each ten seconds, six in a window; then none.
    let one = "5 9*-";
    let script = [one; 12].join(" ");
    assert!(world.play(&script).is_empty());
    let told = world.play("60*-");
    assert_eq!(told, ["151 fired warning"]);
    assert_eq!(world.open().value, Some(2.0));
    assert!(world.play("300*-").is_empty(), "silence is no recovery");
    let back = world.play("5 5 5 5");
    assert_eq!(back, ["483 resolved warning recovered"]);
}

#[test]
fn silence_does_not_clear_a_count_that_is_too_high() {
    let mut world = World::new([over(Aggregate::Count, 10, Direction::Above, 5.0)]);
    assert_eq!(world.play("10*1"), ["9 fired warning"]);
    assert_eq!(world.play("100*-"), ["25 no_data warning"]);
}

fn filling(when: Direction, until: f64) -> Rule {
    Rule {
        aggregate: Aggregate::HoursUntil,
        window: seconds(600),
        until: Some(until),
        when,
        levels: Levels {
            warning: band(24.0, 30.0),
            critical: band(4.0, 6.0),
            ..Levels::default()
        },
        ..rule()
    }
}

#[test]
fn a_disk_that_fills_is_known_hours_before() {
    let mut world = World::new([filling(Direction::Above, 100.0)]);
    let mut told = Vec::new();
    // 50 %, and 1 % a minute: full in 50 min.
    for second in 0..600 {
        told.extend(world.cpu(50.0 + f64::from(second) / 60.0));
    }
    let told = world.told(&told);
    assert_eq!(
        told,
        ["480 fired critical"],
        "as soon as the window is covered"
    );
    let open = world.open();
    assert!((open.value.unwrap() - 0.7).abs() < 0.01, "{open:?}");
    assert_eq!((open.unit.as_str(), open.why.when), ("h", Direction::Below));
    // It is cleaned up.
    let mut told = Vec::new();
    for _ in 0..700 {
        told.extend(world.cpu(20.0));
    }
    assert_eq!(
        told.last().unwrap().state,
        crate::model::AlertState::Resolved
    );
    assert!(told.last().unwrap().value.unwrap() >= 30.0);
}

#[test]
fn memory_that_runs_out_is_the_mirror_of_it() {
    let mut world = World::new([filling(Direction::Below, 0.0)]);
    let mut told = Vec::new();
    for second in 0..500 {
        told.extend(world.cpu(50.0 - f64::from(second) / 600.0));
    }
    assert_eq!(world.told(&told), ["480 fired warning"]);
}
