//! The state of everything as it was at a moment of the past, and how it goes on from there.
//!
//! It is what the pipeline keeps of the present, made again out of what was recorded: windows, alerts, feed. So whatever
//! draws the present draws the past as well. What is not recorded is not in it: counts of samples, processes, the state of
//! sources. It holds a window of each series, and belongs to whoever looks at it.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use super::{resolved::Resolved, walk};
use crate::{
    entry::{
        Entry, What,
        past::{Archive, From, Wanted},
        pending::Busy,
    },
    model::{HostName, Timestamp},
    pipeline::{Annotations, LiveState, live::FEED},
    rules::Book,
    series::{Registry, Series, Writer},
    store::{Store, alerts, feed},
    windows::Windows,
};

/// Alerts that are looked at for those that were open, at most: the newest.
const MOST_ALERTS: usize = 2_000;

/// How windows are held.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// How long they are.
    pub span: Duration,
    /// Samples in each, at most.
    pub points: usize,
    /// Series, at most; those that come later are left out.
    pub series: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Scene {
    /// Everything, as it was.
    pub state: LiveState,
    /// The moment it is at: when the newest of it was received.
    pub now: Timestamp,
    /// The one host it is of; none for all.
    host: Option<HostName>,
    writer: Writer,
    resolved: Resolved,
}

impl Scene {
    /// As it was at `at`: of one host, or of all, under these rules.
    pub async fn at(
        store: &Store,
        archive: &Archive,
        at: Timestamp,
        host: Option<&HostName>,
        book: Book,
        frame: Frame,
    ) -> Result<Self, Busy> {
        let earlier = store.readers().read(move |stored| {
            let alerts = alerts::at(stored, at, MOST_ALERTS);
            let both = alerts.and_then(|alerts| Ok((alerts, feed::at(stored, at, FEED)?)));
            both.unwrap_or_else(|error| {
                stored.unreadable(&error);
                Default::default()
            })
        })?;
        let (alerts, lines) = earlier.await?;
        let (_, writer) = Registry::new(frame.series);
        let windows = Windows::new(frame.span, frame.points);
        // Those of the time come with the feed.
        let annotations = Annotations::new(Duration::MAX, []);
        let mut scene = Self {
            state: LiveState::new(windows, alerts, MOST_ALERTS, annotations, book),
            now: at,
            host: host.cloned(),
            writer,
            resolved: Resolved::default(),
        };
        for line in lines {
            scene.state.add_activity(Arc::new(line));
        }
        let host = host.cloned();
        let of_host = move |series: &Series| host.as_ref().is_none_or(|h| series.key().host == *h);
        let wanted = Wanted {
            from: From::Time(at.minus(frame.span)),
            series: Some(Arc::new(of_host)),
            alerts: false,
            activity: false,
            notifications: false,
        };
        walk(archive, wanted, |entry| {
            if entry.received > at {
                return ControlFlow::Break(());
            }
            scene.take(&entry);
            ControlFlow::Continue(())
        })
        .await?;
        scene.now = at;
        Ok(scene)
    }

    /// Goes on with what happened next.
    pub fn take(&mut self, entry: &Entry) {
        self.now = entry.received;
        match &entry.what {
            What::Samples {
                timestamp,
                layout,
                values,
                ..
            } => {
                let host = self.host.as_ref();
                let is_of_host = |series: &Series| host.is_none_or(|h| series.key().host == *h);
                let resolved = self.resolved.of(layout, &mut self.writer, is_of_host);
                for (series, value) in resolved.iter().zip(values) {
                    if let Some(series) = series {
                        let windows = &mut self.state.windows;
                        windows.update(series, *timestamp, entry.received, *value);
                    }
                }
            }
            What::Alert { event, .. } => self.state.add_alert(event.clone()),
            What::Activity { activity, .. } => self.state.add_activity(activity.clone()),
            What::Delivery { event, .. } => self.state.add_delivery(event.clone()),
        }
    }
}
