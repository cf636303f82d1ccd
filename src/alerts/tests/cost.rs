//! What the engine costs. Run by hand: `cargo test --lib alerts::tests::cost -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement"]
fn ten_thousand_series_with_ten_minute_windows() {
    let average = Rule {
        aggregate: Aggregate::Avg,
        window: seconds(600),
        ..rule()
    };
    for (what, rules) in [
        ("no rule", vec![]),
        ("newest value", vec![rule()]),
        ("10 min average", vec![average]),
    ] {
        let mut world = World::new(rules);
        let series: Vec<_> = (0..10_000)
            .map(|host| world.series(&format!("cpu_usage@h{host}"), "%"))
            .collect();
        let mut spent = Duration::ZERO;
        let mut silence = Duration::ZERO;
        const SECONDS: u32 = 700;
        const MEASURED: u32 = 100;
        for second in 0..SECONDS {
            world.now = world.now.plus(SECOND);
            let samples = series.iter().enumerate();
            let samples = samples.map(|(n, s)| (s, ((n as u32 + second) % 60) as f64));
            let began = Instant::now();
            let ticked = world.engine.tick(world.now);
            let between = Instant::now();
            let events = world
                .engine
                .observe(world.now, world.now, Some(SECOND), samples);
            assert!(events.is_empty() && ticked.is_empty());
            if second >= SECONDS - MEASURED {
                spent += between.elapsed();
                silence += between - began;
            }
        }
        println!(
            "{what}: {:?} for 10,000 samples, {:?} for a tick",
            spent / MEASURED,
            silence / MEASURED
        );
    }
}
