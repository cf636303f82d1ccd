//! Rolling windows: the newest samples of each series, and their last, min, max, average and count.
//!
//! A window holds the samples of the last `span`, at most `points` of them; older ones leave, and are still in the log
//! or the store. All but the newest are packed (`packed`): most of the memory of a quiet server would be here. A sample older than its series' newest does not enter ([`Update::Late`]).

mod packed;

use std::{cmp::Ordering, sync::Arc, time::Duration};

use self::packed::{PIECE, Packed, Piece};
use crate::{
    model::{SeriesId, Timestamp, decimal},
    series::Series,
};

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It is the newest now.
    Newest,
    /// It had the timestamp of the newest and took its place.
    Replaced,
    /// It is older than the newest, and was left out.
    Late,
}

/// A window in figures. All over the samples in it; the value's own unit.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Stats {
    /// The newest sample.
    pub last: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The arithmetic mean.
    pub avg: f64,
    /// How many.
    pub count: usize,
    /// When the newest was measured.
    pub timestamp: Timestamp,
}

/// The window of one series.
#[derive(Debug)]
pub struct Window {
    /// What it is of.
    pub series: Arc<Series>,
    /// When the newest sample was measured.
    newest: Timestamp,
    /// When it was received.
    pub received: Timestamp,
    /// What was measured then or before is in the window no longer.
    outside: Timestamp,
    /// The newest samples, at least one.
    recent: Vec<(Timestamp, f64)>,
    /// How many there are in all, and how many may be in the window.
    kept: u32,
    most: u32,
    /// The older ones, oldest first; some may be in the window no longer.
    packed: Packed,
}

impl Window {
    fn new(series: &Arc<Series>, received: Timestamp, most: u32) -> Self {
        Self {
            series: series.clone(),
            newest: Timestamp::from_millis(i64::MIN),
            received,
            outside: Timestamp::default(),
            recent: Vec::new(),
            kept: 0,
            most,
            packed: Packed::default(),
        }
    }

    /// Its samples, oldest first.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> {
        let mut over = self.kept.saturating_sub(self.most) as usize;
        let mut pieces: Vec<Piece<'_>> = self.packed.pieces().collect();
        let gone = pieces.iter().take_while(|piece| {
            let gone = piece.newest <= self.outside || piece.count <= over;
            over = over.saturating_sub(if gone { piece.count } else { 0 });
            gone
        });
        let gone = gone.count();
        pieces.drain(..gone);
        let outside = |samples: &[(Timestamp, f64)]| {
            let by_age = samples.partition_point(|(time, _)| *time <= self.outside);
            by_age.max(over).min(samples.len())
        };
        let mut oldest = pieces.first().map(Piece::samples).unwrap_or_default();
        let mut recent = &self.recent[..];
        match oldest.is_empty() {
            false => _ = oldest.drain(..outside(&oldest)),
            true => recent = &recent[outside(recent)..],
        }
        let packed = pieces.into_iter().skip(1);
        oldest
            .into_iter()
            .chain(packed.flat_map(|piece| piece.samples()))
            .chain(recent.iter().copied())
    }

    /// The newest sample; a window is never empty.
    pub fn newest(&self) -> (Timestamp, f64) {
        self.recent.last().copied().unwrap_or_default()
    }

    fn push(&mut self, timestamp: Timestamp, value: f64, outside: Timestamp) {
        self.outside = outside;
        if self.recent.len() >= PIECE {
            self.pack();
        } else if self.recent.len() == self.recent.capacity() {
            // Grown by doubling, but not past what it will hold.
            let most = PIECE.min(self.most as usize);
            let room = most.saturating_sub(self.recent.len());
            let grow = self.recent.len().max(4).min(room.max(1));
            self.recent.reserve_exact(grow);
        }
        self.recent.push((timestamp, value));
        self.newest = timestamp;
        self.kept += 1;
    }

    /// Packs the newest samples, and forgets the oldest pieces where they are in the window no longer: not sooner, so that
    /// most samples need no look at them.
    fn pack(&mut self) {
        self.packed.push(&self.recent);
        self.recent.clear();
        while let Some(oldest) = self.packed.oldest()
            && (oldest.newest <= self.outside || self.kept - oldest.count as u32 >= self.most)
        {
            self.kept -= oldest.count as u32;
            self.packed.pop();
        }
    }

    /// Its figures; a window is never empty.
    pub fn stats(&self) -> Stats {
        let (timestamp, last) = self.newest();
        let values: Vec<f64> = self.points().map(|(_, value)| value).collect();
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let count = values.len();
        Stats {
            last,
            min,
            max,
            // The sum may be off by a last digit; a mean outside of what it is the mean of may not.
            avg: decimal::mean(decimal::sum(&values), count as f64).clamp(min, max),
            count,
            timestamp,
        }
    }
}

/// The windows of all series.
#[derive(Debug)]
pub struct Windows {
    by_series: Vec<Option<Window>>,
    span: Duration,
    points: u32,
}

impl Windows {
    /// Windows of `span`, at most `points` samples each.
    pub fn new(span: Duration, points: usize) -> Self {
        Self {
            by_series: Vec::new(),
            span,
            points: u32::try_from(points.max(1)).unwrap_or(u32::MAX),
        }
    }

    /// Takes a sample in.
    pub fn update(
        &mut self,
        series: &Arc<Series>,
        timestamp: Timestamp,
        received: Timestamp,
        value: f64,
    ) -> Update {
        let index = series.id.index();
        if self.by_series.len() <= index {
            self.by_series.resize_with(index + 1, || None);
        }
        let most = self.points;
        let window =
            self.by_series[index].get_or_insert_with(|| Window::new(series, received, most));
        window.received = received;
        match timestamp.cmp(&window.newest) {
            Ordering::Less => return Update::Late,
            Ordering::Equal => {
                if let Some((_, last)) = window.recent.last_mut() {
                    *last = value;
                }
                return Update::Replaced;
            }
            Ordering::Greater => {}
        }
        window.push(timestamp, value, timestamp.minus(self.span));
        Update::Newest
    }

    /// The window of a series.
    pub fn get(&self, id: SeriesId) -> Option<&Window> {
        self.by_series.get(id.index())?.as_ref()
    }

    /// All windows, in the order in which their series came.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.by_series.iter().flatten()
    }

    /// Series that have received nothing since `time`.
    pub fn idle_since(&self, time: Timestamp) -> Vec<SeriesId> {
        let idle = self.iter().filter(|w| w.received < time);
        idle.map(|w| w.series.id).collect()
    }

    /// Drops windows.
    pub fn remove(&mut self, ids: &[SeriesId]) {
        for id in ids {
            if let Some(slot) = self.by_series.get_mut(id.index()) {
                *slot = None;
            }
        }
    }

    /// How long they are.
    pub fn span(&self) -> Duration {
        self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Unit},
        series::Registry,
    };

    fn series() -> Arc<Series> {
        let spec = SeriesSpec {
            key: SeriesKey {
                host: HostName::parse("web1").unwrap(),
                name: MetricName::parse("cpu_usage").unwrap(),
                labels: Labels::default(),
            },
            unit: Unit::parse("%").unwrap(),
            kind: Kind::Gauge,
        };
        let (_, mut writer) = Registry::new(10);
        writer
            .resolve(&SourceId::new("test"), &[spec])
            .remove(0)
            .unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_window_forgets_by_age_and_by_count() {
        let series = series();
        let mut windows = Windows::new(Duration::from_secs(10), 5);
        for second in 0..20 {
            windows.update(&series, at(second), at(second), second as f64);
        }
        let stats = windows.get(series.id).unwrap().stats();
        assert_eq!(
            (stats.count, stats.min, stats.max, stats.avg),
            (5, 15.0, 19.0, 17.0)
        );
        windows.update(&series, at(100), at(100), 1.0);
        assert_eq!(windows.get(series.id).unwrap().stats().count, 1);
    }

    #[test]
    fn a_long_window_gives_back_what_it_took_from_both_ends() {
        let series = series();
        for most in [1, 3, 63, 64, 65, 600] {
            let mut windows = Windows::new(Duration::from_secs(400), most);
            for second in 0..1000 {
                windows.update(&series, at(second), at(second), second as f64 / 10.0);
                let window = windows.get(series.id).unwrap();
                let first = (second - 399).max(second - most as i64 + 1).max(0);
                let expected = (first..=second).map(|s| (at(s), s as f64 / 10.0));
                assert!(window.points().eq(expected.clone()), "{most} {second}");
                assert!(window.points().rev().eq(expected.rev()), "{most} {second}");
                assert_eq!(window.newest(), (at(second), second as f64 / 10.0));
            }
        }
    }

    #[test]
    fn late_samples_stay_out_and_the_last_of_one_moment_wins() {
        let series = series();
        let mut windows = Windows::new(Duration::from_secs(10), 5);
        assert_eq!(windows.update(&series, at(5), at(5), 1.0), Update::Newest);
        assert_eq!(windows.update(&series, at(4), at(6), 9.0), Update::Late);
        assert_eq!(windows.update(&series, at(5), at(6), 2.0), Update::Replaced);
        let stats = windows.get(series.id).unwrap().stats();
        assert_eq!((stats.count, stats.last, stats.max), (1, 2.0, 2.0));
    }
}
