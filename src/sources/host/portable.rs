//! The base for systems other than Linux: processors, memory, disks, interfaces and mounts as sysinfo sees them.

use std::time::Instant;

use sysinfo::{DiskRefreshKind, Disks, Networks, System};

use super::{
    Sensor, cpu, disk, memory,
    mounts::Mount,
    network::{Counters, Interfaces},
    rates::Rates,
};
use crate::sources::{SampleError, recorder::Recorder};

fn failed(what: &'static str) -> impl FnOnce(sysinfo::Error) -> SampleError {
    move |cause| SampleError::System {
        what,
        cause: cause.to_string().into(),
    }
}

/// Processors and memory.
pub(super) struct Basics {
    system: System,
    seen: bool,
}

impl Basics {
    pub(super) fn new() -> Result<Self, SampleError> {
        let system = System::new().map_err(failed("processors and memory"))?;
        Ok(Self {
            system,
            seen: false,
        })
    }
}

impl Sensor for Basics {
    fn name(&self) -> &'static str {
        "basics"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        if std::mem::replace(&mut self.seen, true) {
            cpu::USAGE.record(out, [], f64::from(self.system.global_cpu_usage()));
            let mut digits = itoa::Buffer::new();
            for (core, processor) in self.system.cpus().iter().enumerate() {
                let usage = f64::from(processor.usage());
                cpu::CORE_USAGE.record(out, [digits.format(core)], usage);
            }
        }
        let figures = memory::Figures {
            total: self.system.total_memory(),
            available: self.system.available_memory(),
            cached: None,
            buffers: None,
            swap_total: self.system.total_swap(),
            swap_free: self.system.free_swap(),
        };
        figures.record(out);
        Ok(())
    }
}

/// Bytes read from and written to disks.
pub(super) struct PortableDisks {
    disks: Disks,
    rates: Rates<2>,
}

impl PortableDisks {
    pub(super) fn new() -> Result<Self, SampleError> {
        let disks = Disks::new().map_err(failed("disks"))?;
        Ok(Self {
            disks,
            rates: Rates::default(),
        })
    }
}

impl Sensor for PortableDisks {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let kind = DiskRefreshKind::nothing().with_io_usage();
        self.disks.refresh_specifics(true, kind);
        let at = Instant::now();
        let mut devices: Vec<_> = self
            .disks
            .iter()
            .map(|disk| (disk.name().to_string_lossy(), disk.usage()))
            .collect();
        devices.sort_by(|(a, _), (b, _)| a.cmp(b));
        // One device carries several volumes.
        devices.dedup_by(|(a, _), (b, _)| a == b);
        for (device, usage) in &devices {
            let counters = [usage.total_read_bytes, usage.total_written_bytes];
            if let Some([read, written]) = self.rates.take(device, at, counters) {
                disk::READ.record(out, [device], read);
                disk::WRITE.record(out, [device], written);
            }
        }
        self.rates.forget_the_gone();
        Ok(())
    }
}

/// Interfaces. The system does not say which are physical.
pub(super) struct PortableNetwork {
    networks: Networks,
    interfaces: Interfaces,
}

impl PortableNetwork {
    pub(super) fn new() -> Result<Self, SampleError> {
        let networks = Networks::new().map_err(failed("network interfaces"))?;
        Ok(Self {
            networks,
            interfaces: Interfaces::default(),
        })
    }
}

impl Sensor for PortableNetwork {
    fn name(&self) -> &'static str {
        "network"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        self.networks.refresh(true);
        let at = Instant::now();
        let mut lines: Vec<(&str, Counters)> = self
            .networks
            .iter()
            .filter_map(|(name, data)| {
                let counters = [
                    data.total_received(),
                    data.total_packets_received(),
                    data.total_errors_on_received(),
                    0,
                    data.total_transmitted(),
                    data.total_packets_transmitted(),
                    data.total_errors_on_transmitted(),
                    0,
                ];
                Some((name.to_str()?, counters))
            })
            .collect();
        lines.sort();
        let physical = |name: &str| name.starts_with("en");
        self.interfaces.record(lines.into_iter(), physical, at, out);
        Ok(())
    }
}

/// The file systems that are mounted.
pub(super) fn mounts() -> Result<Vec<Mount>, SampleError> {
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing())
        .map_err(failed("its file systems"))?;
    let mut mounts: Vec<_> = disks
        .iter()
        .filter_map(|disk| disk.mount_point().to_str())
        .map(|path| Mount {
            path: path.to_owned(),
        })
        .collect();
    mounts.sort_by(|a, b| a.path.cmp(&b.path));
    mounts.dedup();
    Ok(mounts)
}
