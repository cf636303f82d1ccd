//! The pages of alerts and what is done about them: alerts, one alert, rules, one rule, silences, channels.

use askama::Template;

use super::{HOSTILE, alert, chart, moment, open, shell};
use crate::{
    config::Fault,
    model::Level,
    web::{
        pages::{
            alert::{AlertPage, BusyView, NoteView, QuietFragment, StepView, ToldView},
            alerts::AlertsPage,
            channels::{ChannelView, ChannelsPage, MessageView},
            rules::{
                FiredView, MarkView, OutcomeView, ResultView, RuleLevel, RulePage, RuleView,
                RulesPage, SuggestionView, TrialFragment, TrialView,
            },
            silences::{SilenceView, SilencesPage, WindowView},
            view::State,
        },
        rules::form::Form,
    },
};

fn hostile() -> String {
    HOSTILE.to_owned()
}

fn one_alert() -> AlertPage {
    AlertPage {
        shell: shell("alert"),
        shape: "1f".to_owned(),
        quiet: hostile(),
        alert: alert(),
        silenced: hostile(),
        silence: String::new(),
        busiest: vec![BusyView {
            name: hostile(),
            cpu: "99 %".to_owned(),
            memory: "1 GiB".to_owned(),
        }],
        steps: vec![StepView {
            at: moment(),
            state: State::Level(Level::Warning),
            what: "seen".to_owned(),
            by: hostile(),
            value: "1".to_owned(),
            message: hostile(),
        }],
        chart: Some(chart()),
        notes: vec![NoteView {
            at: moment(),
            by: hostile(),
            text: hostile(),
        }],
        told: vec![ToldView {
            at: moment(),
            channel: hostile(),
            what: "fires",
            state: State::Ok,
            word: "sent",
            attempts: 1,
            answer: hostile(),
        }],
        nobody: "",
    }
}

fn rules() -> RulesPage {
    let shipped = RuleView {
        name: "cpu_high".to_owned(),
        condition: hostile(),
        levels: vec![RuleLevel {
            state: State::Level(Level::Warning),
            text: "above 90".to_owned(),
        }],
        tells: hostile(),
        enabled: true,
        origin: "shipped",
        ..RuleView::default()
    };
    let made = RuleView {
        name: "made".to_owned(),
        origin: "made",
        edited: Some((hostile(), moment())),
        removal: Some("Delete"),
        ..shipped.clone()
    };
    RulesPage {
        shell: shell("rules"),
        rules: vec![shipped, made],
    }
}

/// With every field as somebody might have sent it.
fn form() -> Form {
    let fields = [
        "name",
        "metric",
        "labels",
        "hosts",
        "window",
        "warning.fire",
    ];
    let mut form = Form::blank();
    for field in fields {
        form.set(field, HOSTILE);
    }
    form
}

fn one_rule(trial: Option<TrialView>) -> RulePage {
    RulePage {
        shell: shell("rule"),
        form: form(),
        known: Some("changed"),
        metrics: vec![hostile()],
        hosts: vec![hostile()],
        channels: vec![hostile()],
        trial,
    }
}

fn tried() -> TrialView {
    TrialView {
        remarks: vec![hostile()],
        result: Some(ResultView {
            from: moment(),
            to: moment(),
            what: hostile(),
            is_cut: true,
            rows: vec![OutcomeView {
                title: "as it is here",
                alerts: 1,
                notifications: 2,
                firing: vec![(State::Level(Level::Critical), "5 min".to_owned())],
            }],
            is_silent: false,
            suggestion: Some(SuggestionView {
                per_week: 2,
                text: hostile(),
                fields: vec![("warning.fire".to_owned(), hostile())],
                notifications: 1,
                is_so: false,
            }),
            series: vec![(hostile(), true)],
            chart: Some(chart()),
            no_lines: "",
            marks: vec![MarkView {
                from: moment(),
                to: moment(),
                state: State::Level(Level::Critical),
            }],
            fired: vec![FiredView {
                from: moment(),
                is_over: true,
                state: State::Level(Level::Critical),
                series: hostile(),
                message: hostile(),
                lasted: "5 min".to_owned(),
                minute: "/?at=1".to_owned(),
            }],
            left_out: 1,
            alerts: 1,
        }),
        ..TrialView::default()
    }
}

fn faulty() -> TrialView {
    TrialView {
        faults: vec![Fault {
            file: "rule".to_owned(),
            line: None,
            key: "warning.fire".to_owned(),
            found: hostile(),
            accepted: "a number".to_owned(),
        }],
        ..TrialView::default()
    }
}

fn silences() -> SilencesPage {
    SilencesPage {
        shell: shell("silences"),
        silences: vec![SilenceView {
            id: hostile(),
            of: hostile(),
            from: None,
            until: moment(),
            until_resolved: true,
            reason: hostile(),
            by: hostile(),
            active: true,
            silenced: 1,
        }],
        windows: vec![WindowView {
            name: hostile(),
            of: hostile(),
            active: false,
            next: Some(moment()),
            reason: hostile(),
            silenced: 0,
        }],
        rules: vec![hostile()],
        hosts: vec![hostile()],
        metrics: vec![hostile()],
    }
}

fn channels() -> ChannelsPage {
    ChannelsPage {
        shell: shell("channels"),
        channels: vec![ChannelView {
            name: hostile(),
            kind: "webhook",
            enabled: true,
            state: State::Ok,
            word: "works",
            waiting: 1,
            sent: 2,
            failed: 3,
            last: Some((moment(), hostile())),
            again: Some(moment()),
        }],
        ledger: vec![MessageView {
            id: hostile(),
            at: moment(),
            channel: hostile(),
            title: hostile(),
            link: Some("/alerts".to_owned()),
            test: false,
            state: State::Ok,
            word: "sent",
            attempts: 1,
            answer: hostile(),
            again: Some(moment()),
        }],
    }
}

#[test]
fn what_fired_all_the_while_is_not_said_to_have_been_calm() {
    let mut trial = tried();
    let heading = |trial: &TrialView, said: &str| {
        let html = TrialFragment { trial }.render().unwrap();
        assert!(html.contains(said), "{html}");
    };
    heading(&trial, "It would have fired once");
    trial.result.as_mut().unwrap().alerts = 0;
    heading(&trial, "It would have been firing already");
    trial.result.as_mut().unwrap().fired.clear();
    heading(&trial, "It would not have fired");
}

/// All of them, full.
pub fn pages() -> Vec<(&'static str, String)> {
    let alerts = AlertsPage {
        shell: shell("alerts"),
        open: open(),
        history: vec![alert()],
    };
    let quiet = QuietFragment { text: hostile() };
    vec![
        ("alerts", alerts.render().unwrap()),
        ("alert", one_alert().render().unwrap()),
        ("quiet", quiet.render().unwrap()),
        ("rules", rules().render().unwrap()),
        ("rule", one_rule(None).render().unwrap()),
        ("rule, tried", one_rule(Some(tried())).render().unwrap()),
        ("rule, faulty", one_rule(Some(faulty())).render().unwrap()),
        ("silences", silences().render().unwrap()),
        ("channels", channels().render().unwrap()),
    ]
}
