//! Aggregates over time, and when there is enough for a verdict.

use super::*;

fn averaged(window: u64) -> Rule {
    Rule {
        aggregate: Aggregate::Avg,
        window: seconds(window),
        ..rule()
    }
}

#[test]
fn one_busy_sample_is_no_ten_minute_average() {
    let told = World::new([averaged(600)]).play("479*99");
    assert_eq!(told, [""; 0]);
    let mut world = World::new([averaged(600)]);
    assert_eq!(
        world.play("480*99"),
        ["480 fired critical"],
        "80 % of the window"
    );
}

#[test]
fn a_window_is_exact_up_to_sixty_samples() {
    let mut world = World::new([averaged(10)]);
    let told = world.play("9*100 - 50 100 100 100 100 100 100 100 100 100 100");
    assert_eq!(told, ["8 fired critical"]);
    assert_eq!(world.play("0"), [""; 0], "90 on average");
    let why = &world.open().why;
    assert_eq!(
        (why.avg, why.samples),
        (Some(100.0), 8),
        "of the verdict that fired"
    );
    assert_eq!(world.play("0"), ["23 deescalated warning"], "80 on average");
    let why = &world.open().why;
    assert_eq!(
        (why.last, why.min, why.max, why.samples),
        (Some(0.0), Some(0.0), Some(100.0), 10)
    );
    assert_eq!(world.open().value, Some(80.0));
}

/// One reading unlike the others counts until it is as old as the window, less at most a sixtieth.
#[test]
fn minimum_and_maximum_are_of_the_window() {
    for (aggregate, others, odd) in [(Aggregate::Max, 50, 95), (Aggregate::Min, 95, 50)] {
        for window in [3, 5, 20, 60, 240] {
            for before in 500..505 {
                let mut world = World::new([Rule {
                    aggregate,
                    window: seconds(window),
                    ..rule()
                }]);
                world.play(&format!("{before}*{others} {odd}"));
                let told = world.play(&format!("{}*{others}", window + 1));
                let [changed] = told.as_slice() else {
                    panic!("{told:?}");
                };
                let second: u64 = changed.split(' ').next().unwrap().parse().unwrap();
                let kept = second - before - 1;
                assert!(
                    (window - window / 60..=window).contains(&kept),
                    "{window}: {kept}"
                );
                assert!(window > 60 || kept == window, "{window}: {kept}");
            }
        }
    }
}

#[test]
fn a_gap_is_not_covered_and_gives_no_verdict() {
    let quiet = |rule: Rule| Rule {
        no_data: NoData {
            after: seconds(600),
            ..rule.no_data
        },
        ..rule
    };
    let mut world = World::new([quiet(averaged(20))]);
    assert_eq!(world.play("20*95"), ["16 fired warning"]);
    // Ten seconds are missing: ten zeros would make an average that clears, but say too little.
    assert_eq!(world.play("10*- 13*0"), [""; 0]);
    assert_eq!(world.play("3*0"), ["46 resolved warning recovered"]);
}

#[test]
fn a_lost_sample_is_no_gap() {
    let mut world = World::new([averaged(10)]);
    assert_eq!(
        world.play("95 95 - 95 95 - - 95 95 95"),
        ["8 fired warning"]
    );
}

#[test]
fn a_source_may_measure_at_any_pace() {
    for (every_ms, fired_at_ms) in [
        (10, 8_000),
        (250, 8_000),
        (5_000, 10_000),
        (60_000, 120_000),
    ] {
        let mut world = World::new([averaged(10)]);
        let series = world.series("cpu_usage", "%");
        let every = Duration::from_millis(every_ms);
        let fired = (1..=2_000).find_map(|n| {
            let at = world.start.plus(every * n);
            let events = world
                .engine
                .observe(at, at, Some(every), [(&series, 95.0)].into_iter());
            events.first().map(|event| event.timestamp)
        });
        let fired = fired.expect("it fires").since(world.start);
        assert_eq!(fired, Duration::from_millis(fired_at_ms));
    }
}

#[test]
fn a_long_window_leaves_out_at_most_its_oldest_sixtieth() {
    let mut rising = World::new([averaged(600)]);
    rising.play("1200*50");
    let told = rising.play("600*95");
    let second: u64 = told[0].split(' ').next().unwrap().parse().unwrap();
    // The exact average passes 90 with the 534th reading of 95.
    assert!((1200 + 520..=1200 + 534).contains(&second), "{told:?}");
}

#[test]
fn windows_are_filled_again_after_a_start() {
    let mut world = World::new([averaged(60)]);
    let series = world.series("cpu_usage", "%");
    for second in 0..60 {
        let at = world.now.minus(seconds(59 - second));
        world
            .engine
            .refill(world.now, at, [(&series, 95.0)].into_iter());
    }
    assert_eq!(world.engine.open().count(), 0, "history gives no verdict");
    assert_eq!(world.play("95"), ["1 fired warning"]);
    assert_eq!(world.open().why.samples, 60);
}
