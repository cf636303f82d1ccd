//! What every page promises, tried on small but complete data.

mod care;

use askama::Template;

use super::{
    alerts::{AlertView, OpenAlerts, OpenAlertsFragment},
    chart::{Chart, ChartKind, ChartLine, ChartSeries},
    echo::EchoPage,
    error::ErrorPage,
    feed::{ActivityLine, AlertFeed, AlertLine},
    host::{DeviceRow, HostDetail, HostPage, ProcessRow},
    overview::{HostView, NearView, NetGraph, OverviewPage},
    shell::{self, Badge, Shell},
    sources::{SourceState, SourceView, SourcesPage},
    status::{StatusGroup, StatusPage},
    svg,
    view::{Bar, Card, Drawing, Figure, Figures, Moment, Spark, Stack, State, Stats},
};
use crate::{
    model::{Level, Timestamp},
    web::assets,
};

/// A text that would break out of any place it is not escaped in.
const HOSTILE: &str = "<b onclick=x>\"'&</script>";

fn moment() -> Moment {
    Timestamp::from_millis(1_700_000_000_250).into()
}

fn shell(page: &'static str) -> Shell {
    Shell {
        page,
        title: HOSTILE.to_owned(),
        host: (page == "host").then(|| HOSTILE.to_owned()),
        position: "e1.0000007f-812".to_owned(),
        drawn: moment(),
        version: "0.0.0",
        patience_ms: 5_000,
        badge: Badge {
            open: 2,
            critical: 1,
        },
        stream: (!matches!(page, "echo" | "error"))
            .then(|| shell::stream_url(page, if page == "host" { HOSTILE } else { "" }, &[])),
        playback: None,
    }
}

fn card(title: &str, drawing: Drawing) -> Card {
    Card {
        id: svg::slug(&format!("{HOSTILE}-{title}")),
        title: title.to_owned(),
        current: "45.2".to_owned(),
        unit: "%".to_owned(),
        detail: HOSTILE.to_owned(),
        spark: svg::line(&[Some(1.0), None], svg::Scale::PERCENT, 120.0, 32.0),
        drawing,
        state: State::Level(Level::Warning),
        ..Card::default()
    }
}

fn bar() -> Bar {
    Bar {
        label: HOSTILE.to_owned(),
        percent: 40.0,
        marks: vec![85.0],
        ..Bar::default()
    }
}

fn chart() -> Chart {
    Chart {
        id: svg::slug(HOSTILE),
        title: "CPU".to_owned(),
        unit: "%".to_owned(),
        host: HOSTILE.to_owned(),
        kind: ChartKind::Area,
        max: Some(100.0),
        series: vec![ChartSeries {
            name: "cpu_usage".to_owned(),
            labels: [("mode".to_owned(), HOSTILE.to_owned())].into(),
            title: HOSTILE.to_owned(),
            values: vec![Some(1.0), None, Some(2.0)],
            newest: 1,
            holds: 0,
            bounds: Some(vec![Some((0.5, 1.5)), None, Some((2.0, 2.0))]),
            before: None,
        }],
        thresholds: vec![ChartLine {
            value: 90.0,
            level: Level::Warning,
        }],
        start: 1_700_000_000_000,
        step: 2_000,
        range: None,
    }
}

fn host() -> HostView {
    let marks = vec![90.0];
    HostView {
        name: HOSTILE.to_owned(),
        id: svg::slug(HOSTILE),
        simulated: true,
        state: State::Stale,
        notes: vec![HOSTILE.to_owned()],
        cards: vec![
            card(
                "cpu",
                Drawing::Gauge {
                    percent: 45.2,
                    marks: marks.clone(),
                },
            ),
            card(
                "memory",
                Drawing::Bar {
                    percent: 45.2,
                    marks,
                },
            ),
            card("load", Drawing::None),
        ],
        file_systems: vec![bar()],
        network: Some(NetGraph::default()),
        charts: vec![chart()],
    }
}

fn alert() -> AlertView {
    AlertView {
        id: "0199aa00".to_owned(),
        state: State::Level(Level::Critical),
        message: HOSTILE.to_owned(),
        host: HOSTILE.to_owned(),
        threshold: "above 90 %".to_owned(),
        since: moment(),
        ended: Some(moment()),
        why: HOSTILE.to_owned(),
        ..AlertView::default()
    }
}

fn open() -> OpenAlerts {
    let silenced = AlertView {
        id: "silenced".to_owned(),
        ..alert()
    };
    OpenAlerts {
        silenced: vec![silenced],
        alerts: vec![alert()],
        critical: 1,
        ..OpenAlerts::default()
    }
}

fn activity() -> Vec<ActivityLine> {
    vec![ActivityLine {
        at: moment(),
        kind: HOSTILE.to_owned(),
        message: HOSTILE.to_owned(),
        host: HOSTILE.to_owned(),
        mark: true,
        id: HOSTILE.to_owned(),
        until: Some(moment()),
    }]
}

fn sources() -> Vec<SourceView> {
    [SourceState::Running, SourceState::Failing]
        .map(|state| SourceView {
            name: HOSTILE.to_owned(),
            state,
            simulated: true,
            last: Some(moment()),
            error: Some((moment(), HOSTILE.to_owned())),
            controllable: true,
            ..SourceView::default()
        })
        .to_vec()
}

fn detail() -> HostDetail {
    let stack = Stack::new("all", [(HOSTILE.to_owned(), HOSTILE.to_owned(), 60.0)]);
    let device = DeviceRow {
        name: HOSTILE.to_owned(),
        ..DeviceRow::default()
    };
    HostDetail {
        cores: vec![bar()],
        modes: stack.clone(),
        memory: stack,
        memory_figures: vec![Figure::new("swap", 12.0, "B")],
        disks: vec![device.clone()],
        interfaces: vec![device],
        tcp: vec![Figure::text("established", HOSTILE)],
        pressure: vec![bar()],
        temperatures: vec![bar()],
        processes: vec![ProcessRow {
            name: HOSTILE.to_owned(),
            ..ProcessRow::default()
        }],
    }
}

fn overview() -> OverviewPage {
    OverviewPage {
        shell: shell("overview"),
        open: open(),
        near: vec![NearView {
            series: HOSTILE.to_owned(),
            host: HOSTILE.to_owned(),
            value: "88 %".to_owned(),
            threshold: "warning above 90 %".to_owned(),
            percent: 97.0,
        }],
        facts: vec![Figure::new("samples", 1_204_331.0, "")],
        hosts: vec![host()],
        feed: AlertFeed {
            lines: vec![AlertLine {
                at: moment(),
                state: State::Level(Level::Critical),
                mark: "critical",
                what: "fired".to_owned(),
                message: HOSTILE.to_owned(),
                host: HOSTILE.to_owned(),
            }],
            open: 1,
            critical: 1,
        },
        activity: activity(),
        sources: sources(),
    }
}

/// Every page, full, and the overview empty.
fn pages() -> Vec<(&'static str, String)> {
    let empty = OverviewPage {
        open: OpenAlerts::default(),
        near: vec![],
        facts: vec![],
        hosts: vec![],
        feed: AlertFeed::default(),
        activity: vec![],
        sources: vec![],
        ..overview()
    };
    let host_page = HostPage {
        shell: shell("host"),
        host: host(),
        detail: detail(),
        open: open(),
        activity: activity(),
    };
    let status = StatusPage {
        shell: shell("status"),
        groups: vec![StatusGroup {
            id: "stream".to_owned(),
            title: "Stream".to_owned(),
            figures: vec![Figure::text("position", HOSTILE)],
        }],
    };
    let error = ErrorPage {
        shell: shell("error"),
        status: 404,
        title: "There is no such page".to_owned(),
        detail: HOSTILE.to_owned(),
    };
    let sources = SourcesPage {
        shell: shell("sources"),
        sources: sources(),
    };
    let echo = EchoPage {
        shell: shell("echo"),
    };
    let mut pages = vec![
        ("overview", overview().render().unwrap()),
        ("empty", empty.render().unwrap()),
        ("host", host_page.render().unwrap()),
        ("status", status.render().unwrap()),
        ("sources", sources.render().unwrap()),
        ("echo", echo.render().unwrap()),
        ("error", error.render().unwrap()),
    ];
    pages.extend(care::pages());
    pages
}

#[test]
fn no_page_has_inline_script_style_or_handlers() {
    for (page, html) in pages() {
        assert!(
            !html.contains(" style=") && !html.contains("<style"),
            "{page}"
        );
        assert!(!html.contains("<b onclick"), "{page}: unescaped");
        assert!(
            !html.contains("javascript:") && !html.contains("hx-on"),
            "{page}"
        );
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(
                tag.contains("src=") || tag.contains("application/json"),
                "{page}: {tag}"
            );
        }
    }
}

#[test]
fn every_asset_a_page_names_exists() {
    for (page, html) in pages() {
        let prefix = format!("/assets/{}/", assets::HASH);
        for rest in html.split(&prefix).skip(1) {
            let path = rest.split('"').next().unwrap();
            assert!(assets::find(path).is_some(), "{page}: {path}");
        }
    }
}

#[test]
fn ids_are_unique_on_each_page() {
    for (page, html) in pages() {
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{page}");
    }
}

#[test]
fn a_fragment_is_the_same_text_in_the_page_and_in_the_stream() {
    let page = overview();
    let html = page.render().unwrap();
    let card = &page.hosts[0].cards[0];
    for fragment in [
        OpenAlertsFragment { open: &page.open }.render().unwrap(),
        Figures { card }.render().unwrap(),
        Stats { card }.render().unwrap(),
        Spark { card }.render().unwrap(),
    ] {
        assert!(html.contains(fragment.trim()), "{fragment}");
        assert!(fragment.contains("data-live"), "{fragment}");
    }
}

#[test]
fn every_form_works_without_script() {
    for (page, html) in pages() {
        for form in html.split("<form ").skip(1) {
            let tag = form.split('>').next().unwrap();
            if let Some(enhanced) = tag
                .split("hx-post=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
            {
                let plain = format!("method=\"post\" action=\"{enhanced}\"");
                let button = format!("formaction=\"{enhanced}\"");
                let content = form.split("</form>").next().unwrap();
                assert!(
                    tag.contains(&plain)
                        || tag.contains("method=\"post\"") && content.contains(&button),
                    "{page}: {tag}"
                );
            }
        }
    }
}

#[test]
fn an_error_tells_nothing_about_a_page_that_lives() {
    let (_, html) = pages()
        .into_iter()
        .find(|(page, _)| *page == "error")
        .unwrap();
    assert!(!html.contains("data-stream") && html.contains("404"));
}
