//! Temperatures, from the sensors of the machine. Virtual machines have none, and that is no fault.

use sysinfo::Components;

use super::Sensor;
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const TEMPERATURE: MetricDoc = MetricDoc::gauge(
    "temperature_celsius",
    "°C",
    &["sensor"],
    1,
    "Temperature of a part of the machine, by the name its driver gives.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[TEMPERATURE];

/// After so many readings the list of sensors is made anew.
const READINGS_PER_LIST: u32 = 12;
/// A sensor that is not connected answers the limits of its range.
const BELIEVABLE: std::ops::Range<f32> = -60.0..200.0;

/// The temperature sensors, on every system.
pub(super) struct Temperature {
    components: Option<Components>,
    age: u32,
}

impl Temperature {
    pub(super) fn new() -> Self {
        Self {
            components: None,
            age: 0,
        }
    }
}

impl Sensor for Temperature {
    fn name(&self) -> &'static str {
        "temperature"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let components = match &mut self.components {
            Some(components) => {
                self.age += 1;
                if self.age.is_multiple_of(READINGS_PER_LIST) {
                    components.refresh(true);
                } else {
                    components.iter_mut().for_each(sysinfo::Component::refresh);
                }
                components
            }
            none => none.insert(Components::new_with_refreshed_list().map_err(|cause| {
                SampleError::System {
                    what: "its temperatures",
                    cause: cause.to_string().into(),
                }
            })?),
        };
        for component in components.iter() {
            if let Some(celsius) = component.temperature()
                && BELIEVABLE.contains(&celsius)
            {
                TEMPERATURE.record(out, [component.label()], f64::from(celsius));
            }
        }
        Ok(())
    }
}
