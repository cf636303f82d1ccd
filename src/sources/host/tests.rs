//! The sensors together, on the machine that the tests run on.

use super::*;
use crate::model::SeriesSpec;

fn source() -> HostSource {
    HostSource::new(HostOptions {
        name: HostName::parse("here").unwrap(),
        processes_interval: Duration::from_secs(5),
        filesystems_interval: Duration::from_secs(10),
    })
}

fn second(n: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(n))
}

/// The declaration that a series was recorded by.
fn declared(spec: &SeriesSpec) -> Option<&'static MetricDoc> {
    SENSORS
        .iter()
        .flat_map(|(_, metrics)| *metrics)
        .find(|doc| {
            let labels: Vec<_> = spec.key.labels.iter().map(|(name, _)| name).collect();
            doc.name == spec.key.name.as_str() && doc.labels == labels
        })
}

fn assert_as_declared(spec: &SeriesSpec, value: f64) {
    let doc = declared(spec).unwrap_or_else(|| panic!("{} is not declared", spec.key));
    assert_eq!(
        (spec.unit.as_str(), spec.kind),
        (doc.unit, doc.kind),
        "{}",
        spec.key
    );
    let rounded = crate::sources::recorder::round(value, doc.decimals);
    assert_eq!(value, rounded, "{} is not rounded", spec.key);
    let most = match doc.unit {
        "%" => 100.0,
        "°C" => 200.0,
        _ => 1e18,
    };
    assert!((0.0..=most).contains(&value), "{} is {value}", spec.key);
}

#[test]
fn what_is_recorded_is_as_declared() {
    let mut source = source();
    let mut seen = Vec::new();
    for n in 0..12 {
        let reading = source.sample(second(n)).unwrap();
        for samples in reading.batches {
            assert_eq!(samples.layout.len(), samples.values.len());
            for (spec, value) in samples.layout.iter().zip(&samples.values) {
                assert_as_declared(spec, *value);
                seen.push(spec.key.name.to_string());
            }
            let mut keys: Vec<_> = samples.layout.iter().map(|spec| &spec.key).collect();
            keys.sort();
            assert!(
                keys.is_sorted_by(|a, b| a < b),
                "no series twice in a batch"
            );
        }
    }
    #[cfg(target_os = "linux")]
    for name in [
        "cpu_usage",
        "cpu_mode_usage",
        "load1",
        "memory_used_percent",
        "uptime",
        "processes",
        "net_rx",
    ] {
        assert!(seen.iter().any(|s| s == name), "{name} is missing");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_first_sample_has_rates_and_the_busiest_processes() {
    let reading = source().sample(second(0)).unwrap();
    assert_eq!(reading.faults, []);
    let names: Vec<_> = reading.batches[0]
        .layout
        .iter()
        .map(|spec| spec.key.name.as_str())
        .collect();
    assert!(names.contains(&"cpu_usage") && names.contains(&"context_switches"));
    let processes = reading.processes.unwrap();
    assert!((1..=5).contains(&processes.len()));
    assert!(processes.is_sorted_by(|a, b| a.cpu_percent >= b.cpu_percent));
}

#[test]
fn slow_things_come_in_batches_of_their_own() {
    let mut source = source();
    source.sample(second(0)).unwrap();
    let mut walks = 0;
    for n in 1..=10 {
        walks += u32::from(source.sample(second(n)).unwrap().processes.is_some());
    }
    assert_eq!(walks, if cfg!(target_os = "linux") { 2 } else { 0 });
}

#[test]
fn a_cadence_forgives_calls_that_come_a_little_early_or_late() {
    let mut cadence = Cadence::new(Duration::from_secs(5));
    let due: Vec<u64> = [0, 1000, 4990, 6000, 10_003, 14_999, 40_000, 41_000, 45_000]
        .into_iter()
        .filter(|ms| cadence.due(Timestamp::from_millis(*ms as i64)))
        .collect();
    assert_eq!(due, [0, 4990, 10_003, 14_999, 40_000, 45_000]);
}

#[test]
fn a_sensor_that_fails_leaves_the_others_alone() {
    struct Broken;
    impl Sensor for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn sample(&mut self, _: &mut Recorder) -> Result<(), SampleError> {
            Err(SampleError::Read {
                path: "/proc/x".to_owned(),
                cause: std::io::ErrorKind::PermissionDenied.into(),
            })
        }
    }
    let mut source = source();
    source.sensors.insert(0, Box::new(Broken));
    let reading = source.sample(second(0)).unwrap();
    assert!(reading.batches[0].layout.len() > 5);
    let fault = &reading.faults[0];
    assert_eq!(fault.part, "broken");
    assert_eq!(fault.message, "cannot read /proc/x: permission denied");
}

#[test]
fn the_portable_base_records_what_is_declared() {
    let mut missing = Vec::new();
    let mut source = source();
    source.sensors = portable_sensors(&mut missing);
    assert_eq!(missing, []);
    let reading = source.sample(second(0)).unwrap();
    let samples = &reading.batches[0];
    for (spec, value) in samples.layout.iter().zip(&samples.values) {
        assert_as_declared(spec, *value);
    }
    for name in ["cpu_usage", "memory_used_percent", "load1", "uptime"] {
        let found = samples
            .layout
            .iter()
            .any(|spec| spec.key.name.as_str() == name);
        assert!(found, "{name} is missing");
    }
    portable::mounts().unwrap();
}

/// `cargo test cost_of_a_tick -- --ignored --nocapture` prints what a sample costs.
#[test]
#[ignore = "prints figures instead of judging them"]
fn cost_of_a_tick() {
    const TICKS: u32 = 300;
    let mut source = source();
    source.sample(second(0)).unwrap();
    for sensor in &mut source.sensors {
        let start = Instant::now();
        for _ in 0..TICKS {
            sensor.sample(&mut source.steady).unwrap();
            let _ = source.steady.finish();
        }
        println!("{:>12} {:?}", sensor.name(), start.elapsed() / TICKS);
    }
    let (_, processes, recorder) = &mut source.processes;
    let start = Instant::now();
    for _ in 0..TICKS {
        processes.sample(recorder).unwrap();
        let _ = recorder.finish();
    }
    println!("{:>12} {:?}", "processes", start.elapsed() / TICKS);
    let start = Instant::now();
    for n in 1..=TICKS {
        source.sample(second(n.into())).unwrap();
    }
    println!("{:>12} {:?}", "whole tick", start.elapsed() / TICKS);
}
