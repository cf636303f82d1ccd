//! The windows in memory, as a subscription begins with them, in chunks made when there is room for them.
//!
//! What belongs to it is fixed when it is made: for each series, the samples up to its newest at that moment. Samples
//! that have left their window by the time they would be sent are left out.

use bytes::Bytes;

use crate::{
    model::{Position, SeriesId, Timestamp},
    pipeline::{Live, LiveState},
    stream::{encode::List, filter::Filter, view::Notation},
};

/// Samples in one frame, at most.
const CHUNK: usize = 500;

/// See the module.
#[derive(Debug)]
pub struct Initial {
    position: Position,
    /// The series still to come, the next one last; each with its newest sample's time.
    series: Vec<(SeriesId, Timestamp)>,
    /// How far the next one has come.
    after: Option<Timestamp>,
    begun: bool,
}

impl Initial {
    /// The windows that pass a filter, as they are at `position`.
    pub fn new(live: &LiveState, filter: &Filter, position: Position) -> Self {
        let matching = live
            .windows
            .iter()
            .filter(|w| filter.series(w.series.key()));
        let mut series: Vec<_> = matching.map(|w| (w.series.id, w.newest().0)).collect();
        series.reverse();
        Self {
            position,
            series,
            after: None,
            begun: false,
        }
    }

    /// The next frame; `None` when the last one was sent.
    pub fn next(&mut self, live: &Live, subscription: &str, notation: Notation) -> Option<Bytes> {
        if self.begun && self.series.is_empty() {
            return None;
        }
        self.begun = true;
        let mut data = List::new(notation);
        let state = live.read();
        while data.count() < CHUNK
            && let Some((id, newest)) = self.series.last().copied()
        {
            let after = self.after;
            let window = state.windows.get(id);
            let points = window
                .iter()
                .flat_map(|w| w.points().map(|p| (&w.series, p)));
            let mut rest = points
                .filter(|(_, (t, _))| *t <= newest && after.is_none_or(|after| *t > after))
                .peekable();
            while data.count() < CHUNK
                && let Some((series, (timestamp, value))) = rest.next()
            {
                data.push(series, value, timestamp);
                self.after = Some(timestamp);
            }
            if rest.peek().is_none() {
                self.series.pop();
                self.after = None;
            }
        }
        drop(state);
        let before = format!(
            "\"type\":\"initial\",\"subscription\":\"{subscription}\",\"position\":\"{}\"",
            self.position
        );
        Some(data.frame(&before, &format!(",\"done\":{}", self.series.is_empty())))
    }
}
