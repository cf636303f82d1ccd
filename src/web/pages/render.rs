//! A page as a whole for the first byte, and as fragments for its stream. Both are drawn from the same views, of the
//! present or of a moment of the past.

use std::{collections::HashMap, time::Duration};

use askama::Template;
use parking_lot::Mutex;

use super::{
    alerts::{AlertsPage, HistoryFragment, OpenAlertsFragment},
    channels::{ChannelsFragment, ChannelsPage, LedgerFragment},
    feed::{ActivityFragment, AlertFeedFragment},
    fill::{self, outlook::Outlook},
    host::{
        CpuFragment, DisksFragment, HostPage, InterfacesFragment, MemoryFragment, PressureFragment,
        ProcessesFragment, TemperaturesFragment,
    },
    live_page::LivePage,
    overview::{
        FactsFragment, FileSystemsFragment, HostStateFragment, HostView, NearFragment,
        NetGraphFragment, OverviewPage, ShapeFragment, shape_of,
    },
    rules::{RulesFragment, RulesPage},
    shell::{BadgeFragment, MomentFragment, Playback, Shell},
    silences::{SilencesFragment, SilencesPage},
    sources::{SourceRowFragment, SourceTableFragment, SourcesPage},
    status::{StatusGroupFragment, StatusPage},
    view::{Figures, Spark, Stats},
};
use crate::{sources::supervisor::Running, web::state::State};

/// What moves slowly is drawn anew every so many seconds, each thing in a second of its own.
const SLOW_SECONDS: i64 = 5;
/// The same for what looks back over minutes.
const SLOWER_SECONDS: i64 = 10;

/// The least time without a sign of life after which a page is stale.
const PATIENCE: Duration = Duration::from_secs(5);

/// The frame of a page that is drawn now.
pub fn frame(state: &State, outlook: &Outlook<'_>, page: &'static str, title: &str) -> Shell {
    Shell {
        page,
        title: title.to_owned(),
        host: None,
        position: state.stream().log().position().to_string(),
        drawn: outlook.now.into(),
        version: env!("CARGO_PKG_VERSION"),
        patience_ms: patience(state).as_millis(),
        badge: fill::feeds::badge(outlook),
        stream: None,
        playback: None,
    }
}

/// The frame of a page that does not live.
pub fn still_shell(state: &State, page: &'static str, title: &str) -> Shell {
    let live = state.live().read();
    let outlook = Outlook::new(&live, state.now());
    frame(state, &outlook, page, title)
}

/// How long a page may hear nothing: three readings of the quickest source that runs, and five seconds at least.
fn patience(state: &State) -> Duration {
    let sources = state.parts().sources.status();
    let running = sources
        .iter()
        .filter(|source| source.state == Running::Running);
    let quickest = running.filter_map(|s| s.interval_seconds).reduce(f64::min);
    Duration::from_secs_f64(quickest.unwrap_or(0.0) * 3.0).max(PATIENCE)
}

/// A page of the present as HTML.
pub fn present(state: &State, of: &LivePage) -> Result<String, askama::Error> {
    let live = state.live().read();
    let outlook = Outlook::new(&live, state.now());
    page(state, of, &outlook, None)
}

/// A page as HTML; with `playback` it is one of the past.
pub fn page(
    state: &State,
    page: &LivePage,
    outlook: &Outlook<'_>,
    playback: Option<Playback>,
) -> Result<String, askama::Error> {
    let shell = |title: &str| Shell {
        host: page.host().map(ToString::to_string),
        stream: Some(page.stream()),
        playback: playback.clone(),
        ..frame(state, outlook, page.name(), title)
    };
    let sources = || fill::sources::all(outlook, &state.parts().sources.status());
    match page {
        LivePage::Overview => OverviewPage {
            shell: shell("Overview"),
            open: fill::alerts::open(outlook, None),
            near: fill::hosts::near(outlook),
            facts: fill::status::facts(outlook, state),
            hosts: fill::hosts::all(outlook),
            feed: fill::feeds::alerts(outlook),
            activity: fill::feeds::activity(outlook, None),
            sources: sources(),
        }
        .render(),
        LivePage::Host(host) => HostPage {
            shell: shell(host.as_str()),
            host: fill::hosts::one(outlook, host.as_str()),
            detail: fill::detail::of(outlook, host),
            open: fill::alerts::open(outlook, Some(host.as_str())),
            activity: fill::feeds::activity(outlook, Some(host.as_str())),
        }
        .render(),
        LivePage::Alerts => AlertsPage {
            shell: shell("Alerts"),
            open: fill::alerts::whole(outlook),
            history: fill::alerts::history(outlook),
        }
        .render(),
        LivePage::Rules => RulesPage {
            shell: shell("Rules"),
            rules: fill::rules::rules(outlook),
        }
        .render(),
        LivePage::Silences => {
            let (silences, windows) = fill::silences::all(outlook);
            SilencesPage {
                shell: shell("Silences"),
                silences,
                windows,
                rules: outlook.live.book.names(),
                hosts: outlook.hosts().map(ToString::to_string).collect(),
                metrics: outlook.metrics(),
            }
            .render()
        }
        LivePage::Channels => ChannelsPage {
            shell: shell("Channels"),
            channels: fill::channels::channels(state.control().notifier()),
            ledger: fill::channels::ledger(outlook),
        }
        .render(),
        LivePage::Sources => SourcesPage {
            shell: shell("Sources"),
            sources: sources(),
        }
        .render(),
        LivePage::Status => StatusPage {
            shell: shell("Status"),
            groups: fill::status::groups(outlook, state),
        }
        .render(),
    }
}

/// Draws the fragments of a page, again and again, for all who show it.
pub struct Fragments {
    state: State,
    page: LivePage,
    /// What moves slowly, as it was drawn last; as many as the page has.
    slow: Mutex<HashMap<String, String>>,
}

/// The fragments in the making.
struct Drawn<'a> {
    fragments: Vec<(String, String)>,
    second: i64,
    before: HashMap<String, String>,
    slow: &'a mut HashMap<String, String>,
}

impl Drawn<'_> {
    /// A fragment that is drawn each time.
    fn add(&mut self, id: String, fragment: &impl Template) {
        match fragment.render() {
            Ok(html) => self.fragments.push((id, html)),
            Err(error) => tracing::error!(id, %error, "a fragment cannot be drawn"),
        }
    }

    /// A fragment that is drawn every [`SLOW_SECONDS`], and in between is what it was.
    fn slowly(&mut self, id: String, fragment: &impl Template) {
        self.every(SLOW_SECONDS, id, fragment);
    }

    /// A fragment that is drawn every so many seconds.
    fn every(&mut self, seconds: i64, id: String, fragment: &impl Template) {
        let turn = id.bytes().map(i64::from).sum::<i64>();
        let due = (self.second + turn).rem_euclid(seconds) == 0;
        match self.before.remove(&id).filter(|_| !due) {
            Some(html) => self.fragments.push((id.clone(), html)),
            None => self.add(id.clone(), fragment),
        }
        if let Some((_, html)) = self.fragments.last() {
            self.slow.insert(id, html.clone());
        }
    }

    fn host(&mut self, host: &HostView) {
        self.add(format!("state-{}", host.id), &HostStateFragment { host });
        for card in &host.cards {
            self.add(format!("fig-{}", card.id), &Figures { card });
            self.every(
                SLOWER_SECONDS,
                format!("stats-{}", card.id),
                &Stats { card },
            );
            self.every(
                SLOWER_SECONDS,
                format!("spark-{}", card.id),
                &Spark { card },
            );
        }
        self.slowly(format!("fs-{}", host.id), &FileSystemsFragment { host });
        self.slowly(format!("net-{}", host.id), &NetGraphFragment { host });
    }
}

impl Fragments {
    /// Of this page.
    pub fn new(state: &State, page: LivePage) -> Self {
        Self {
            state: state.clone(),
            page,
            slow: Mutex::default(),
        }
    }

    /// The fragments of the present: element id and HTML.
    pub fn present(&self) -> Vec<(String, String)> {
        let live = self.state.live().read();
        let outlook = Outlook::new(&live, self.state.now());
        self.draw(&outlook)
    }

    /// The fragments as they are at a moment.
    pub fn draw(&self, outlook: &Outlook<'_>) -> Vec<(String, String)> {
        let state = &self.state;
        let mut slow = self.slow.lock();
        let before = std::mem::take(&mut *slow);
        let mut drawn = Drawn {
            fragments: Vec::new(),
            // By the viewer's seconds: those of a playback may all be of one remainder.
            second: state.now().as_millis() / 1000,
            before,
            slow: &mut slow,
        };
        drawn.add(
            "badge".to_owned(),
            &BadgeFragment {
                badge: fill::feeds::badge(outlook),
            },
        );
        if outlook.is_past {
            let moment = outlook.now.into();
            drawn.add("moment".to_owned(), &MomentFragment { moment });
        }
        let sources = || fill::sources::all(outlook, &state.parts().sources.status());
        match &self.page {
            LivePage::Overview => {
                let open = fill::alerts::open(outlook, None);
                let hosts = fill::hosts::all(outlook);
                drawn.add(
                    "facts".to_owned(),
                    &FactsFragment {
                        facts: &fill::status::facts(outlook, state),
                    },
                );
                drawn.add(
                    "open-alerts".to_owned(),
                    &OpenAlertsFragment { open: &open },
                );
                drawn.slowly(
                    "near".to_owned(),
                    &NearFragment {
                        near: &fill::hosts::near(outlook),
                    },
                );
                drawn.add(
                    "shape".to_owned(),
                    &ShapeFragment {
                        shape: shape_of(&hosts),
                    },
                );
                hosts.iter().for_each(|host| drawn.host(host));
                drawn.add(
                    "alert-feed".to_owned(),
                    &AlertFeedFragment {
                        feed: &fill::feeds::alerts(outlook),
                    },
                );
                drawn.add(
                    "activity".to_owned(),
                    &ActivityFragment {
                        activity: &fill::feeds::activity(outlook, None),
                    },
                );
                if !outlook.is_past {
                    let sources = &sources();
                    drawn.slowly("sources".to_owned(), &SourceRowFragment { sources });
                }
            }
            LivePage::Host(host) => {
                let name = host.as_str();
                let open = fill::alerts::open(outlook, Some(name));
                drawn.add(
                    "open-alerts".to_owned(),
                    &OpenAlertsFragment { open: &open },
                );
                let host_view = fill::hosts::one(outlook, name);
                drawn.add(
                    "shape".to_owned(),
                    &ShapeFragment {
                        shape: shape_of(std::slice::from_ref(&host_view)),
                    },
                );
                drawn.host(&host_view);
                let detail = &fill::detail::of(outlook, host);
                drawn.add("cpu".to_owned(), &CpuFragment { detail });
                drawn.slowly("memory".to_owned(), &MemoryFragment { detail });
                drawn.slowly("disks".to_owned(), &DisksFragment { detail });
                drawn.slowly("interfaces".to_owned(), &InterfacesFragment { detail });
                drawn.slowly("pressure".to_owned(), &PressureFragment { detail });
                drawn.slowly("temperatures".to_owned(), &TemperaturesFragment { detail });
                drawn.slowly("processes".to_owned(), &ProcessesFragment { detail });
                let activity = &fill::feeds::activity(outlook, Some(name));
                drawn.add("activity".to_owned(), &ActivityFragment { activity });
            }
            LivePage::Alerts => {
                let open = fill::alerts::whole(outlook);
                drawn.add(
                    "open-alerts".to_owned(),
                    &OpenAlertsFragment { open: &open },
                );
                drawn.add(
                    "alert-history".to_owned(),
                    &HistoryFragment {
                        history: &fill::alerts::history(outlook),
                    },
                );
            }
            LivePage::Rules => drawn.add(
                "rules".to_owned(),
                &RulesFragment {
                    rules: &fill::rules::rules(outlook),
                },
            ),
            LivePage::Silences => {
                let (silences, windows) = &fill::silences::all(outlook);
                drawn.add(
                    "silences".to_owned(),
                    &SilencesFragment { silences, windows },
                );
            }
            LivePage::Channels => {
                let channels = &fill::channels::channels(state.control().notifier());
                drawn.add("channels".to_owned(), &ChannelsFragment { channels });
                let ledger = &fill::channels::ledger(outlook);
                drawn.add("ledger".to_owned(), &LedgerFragment { ledger });
            }
            LivePage::Sources => drawn.add(
                "source-table".to_owned(),
                &SourceTableFragment {
                    sources: &sources(),
                },
            ),
            LivePage::Status => {
                for group in &fill::status::groups(outlook, state) {
                    drawn.add(
                        format!("status-{}", group.id),
                        &StatusGroupFragment { group },
                    );
                }
            }
        }
        drawn.fragments
    }
}
