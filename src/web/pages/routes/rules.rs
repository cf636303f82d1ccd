//! The page on which a rule is made or changed, its trial, and the forms of the list.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template as _;

use super::{form, html, live};
use crate::{
    backtest::Asked,
    config::{self, lint},
    control::Command,
    entry::pending::Busy,
    history::plan::matching,
    model::{Rule, SeriesKey},
    rules::Listed,
    web::{
        api, backtest,
        ingest::body,
        pages::{
            fill::{
                self,
                history::{Shown, Span},
                outlook::Outlook,
            },
            render,
            rules::{BACK, ResultView, RulePage, TrialFragment, TrialView},
            shell::{Shell, stream_url},
        },
        problem::Problem,
        rules::{self, form::Form},
        state::State,
    },
};
/// How far back a rule is tried where nothing is said: its place in [`BACK`].
const USUAL: usize = 2;

/// `GET /rules/edit`: of the rule `name`, of a new one like the rule `like`, or of a new one of this `metric` and `hosts`.
pub async fn edit(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let asked = Form::parse(request.query_string());
    let book = state.live().read().book.clone();
    let known = |name: &str| {
        let known = book.get(name);
        known.ok_or_else(|| Problem::not_found("there is no rule of this name"))
    };
    let mut form = match (asked.get("name"), asked.get("like")) {
        ("", "") => {
            let mut form = Form::blank();
            form.set("metric", asked.get("metric"));
            form.set("hosts", asked.get("hosts"));
            form
        }
        ("", like) => {
            let mut form = Form::of(&known(like)?.rule);
            let free = (2..).map(|n| format!("{like}_{n}"));
            let free = free.into_iter().find(|name| book.get(name).is_none());
            form.set("name", &free.unwrap_or_default());
            form
        }
        (name, _) => Form::of(&known(name)?.rule),
    };
    form.set("series", asked.get("series"));
    form.set("back", BACK[USUAL].0);
    let known = book.get(asked.get("name"));
    form.set("seen", &stamp(known));
    page(state, StatusCode::OK, form, known, None)
}

/// `POST /rules/try`: what the rule of a form would have done; for a script that alone, otherwise with the form.
pub async fn attempt(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let form = read(&request, payload).await?;
    let trial = trial(state, &form).await?;
    if request.headers().contains_key("hx-request") {
        return html(StatusCode::OK, TrialFragment { trial: &trial }.render());
    }
    let book = state.live().read().book.clone();
    let known = book.get(form.get("was"));
    page(state, StatusCode::OK, form, known, Some(trial))
}

/// `POST /rules/edit`: saves the rule of a form.
pub async fn save(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let form = read(&request, payload).await?;
    let book = state.live().read().book.clone();
    let known = book.get(form.get("was"));
    let refused = |faults, trouble: String| {
        let trial = TrialView {
            faults,
            trouble,
            ..TrialView::default()
        };
        let mut form = form.clone();
        form.set("seen", &stamp(known));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        page(state, status, form, known, Some(trial))
    };
    let rule = match config::rule_from_json(&form.rule()) {
        Ok(rule) => rule,
        Err(faults) => return refused(faults.iter().cloned().collect(), String::new()),
    };
    if *rule.name != *form.get("was") && book.get(&rule.name).is_some() {
        let trouble = format!(
            "There is a rule {} already; give this one another name.",
            rule.name
        );
        return refused(Vec::new(), trouble);
    }
    if form.get("seen") != stamp(known) {
        let trouble = match known.and_then(|known| known.edited.as_ref()) {
            Some((by, at)) => format!(
                "{by} changed this rule at {at}, while it was open here. What you wrote is not saved; saving it again takes the place of that."
            ),
            None => "This rule is another one now than when it was opened here. What you wrote is not saved; saving it again takes its place.".to_owned(),
        };
        return refused(Vec::new(), trouble);
    }
    let place = format!("/rules#rule-{}", rule.name);
    let by = crate::web::who::of(&request);
    let put = Command::PutRule(Arc::new(rule));
    match state.control().execute(put, by).await {
        Ok(_) => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, place))
            .finish()),
        Err(error) => Err(api::problem(error)),
    }
}

/// `POST /rules/{name}/{action}`: `enable`, `disable` or `remove`.
pub async fn action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, action) = path.into_inner();
    let command = match action.as_str() {
        "remove" => Command::RemoveRule(name),
        action => rules::switch(State::of(&request)?, &name, action)?,
    };
    form(&request, command).await
}

/// What tells a rule from what it was, or is when it has changed.
fn stamp(known: Option<&Listed>) -> String {
    known.map_or(String::new(), |known| {
        let written = config::rule_in_full(&known.rule).to_string();
        format!("{:08x}", crc32fast::hash(written.as_bytes()))
    })
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Form, Problem> {
    let state = State::of(request)?;
    let fields = body::read(request, payload, &state.parts().ingest, state.limits()).await?;
    Ok(Form::parse(&String::from_utf8_lossy(&fields)))
}

fn page(
    state: &State,
    status: StatusCode,
    form: Form,
    known: Option<&Listed>,
    trial: Option<TrialView>,
) -> Result<HttpResponse, Problem> {
    let live = state.live().read();
    let outlook = Outlook::new(&live, state.now());
    let title = match known {
        Some(known) => format!("Rule {}", known.rule.name),
        None => "New rule".to_owned(),
    };
    let settings = state.control().notifier().settings();
    let channels = settings.notify.channels.iter();
    let page = RulePage {
        shell: Shell {
            stream: Some(stream_url(live::FRAME, "", &[])),
            ..render::frame(state, &outlook, "rule", &title)
        },
        known: known.map(|known| fill::rules::origin(known.origin)),
        metrics: outlook.metrics(),
        hosts: outlook.hosts().map(ToString::to_string).collect(),
        channels: channels.map(|channel| channel.name.to_string()).collect(),
        form,
        trial,
    };
    html(status, page.render())
}

/// What the rule of a form would have done, or why that cannot be told.
async fn trial(state: &State, form: &Form) -> Result<TrialView, Problem> {
    let rule = match config::rule_from_json(&form.rule()) {
        Ok(rule) => Arc::new(rule),
        Err(faults) => {
            return Ok(TrialView {
                faults: faults.iter().cloned().collect(),
                ..TrialView::default()
            });
        }
    };
    let mut trial = TrialView {
        remarks: lint::rule(&rule),
        ..TrialView::default()
    };
    match tried(state, form, &rule).await {
        Ok(result) => trial.result = Some(result),
        // What is wrong with the past is no reason to lose what somebody wrote.
        Err(problem) => trial.trouble = problem.to_string(),
    }
    Ok(trial)
}

async fn tried(state: &State, form: &Form, rule: &Arc<Rule>) -> Result<ResultView, Problem> {
    let now = state.now();
    let back = BACK.iter().find(|(back, _)| form.is("back", back));
    let back = config::duration(back.unwrap_or(&BACK[USUAL]).0).unwrap_or_default();
    let span = Span {
        from: now.minus(back),
        to: now,
    };
    let per_week = match form.get("per_week") {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            let accepted = "a whole number: so many messages a week, at most";
            Problem::field("per_week", text, accepted)
        })?),
    };
    let book = state.live().read().book.clone();
    let saved = book.get(form.get("was")).map(|known| known.rule.clone());
    let asked = Asked {
        rule: rule.clone(),
        saved: saved.filter(|saved| **saved != **rule),
        from: span.from,
        to: span.to,
        per_week,
        only: None,
    };
    let report = backtest::in_turn(state, asked, |trial| trial.run()).await?;
    let series = watched(state, rule, span);
    let shown = fill::rules::shown(form.get("series"), &series, &report.rule);
    let chart = match &shown {
        Some(key) => chart(state, key, span).await?,
        None => None,
    };
    let chart = chart.map(|mut chart| {
        chart.thresholds = fill::rules::lines(rule).0;
        chart
    });
    let result = fill::rules::result(rule, &report, span.from, &series, shown.as_ref(), chart);
    Ok(result)
}

/// The series of which something is kept that a rule watches.
fn watched(state: &State, rule: &Rule, span: Span) -> Vec<SeriesKey> {
    let catalogue = state.parts().store.catalogue();
    let groups = matching(catalogue, (span.from, span.to), |key| rule.matches(key));
    let keys = groups
        .into_iter()
        .filter_map(|group| group.into_iter().next());
    keys.map(|known| known.series.key().clone()).collect()
}

/// The chart of one series in a time; none where nothing of it is kept.
pub async fn chart(
    state: &State,
    key: &SeriesKey,
    span: Span,
) -> Result<Option<crate::web::pages::chart::Chart>, Problem> {
    let store = &state.parts().store;
    let shown = Shown::series(store.catalogue(), key, &span);
    let book = state.live().read().book.clone();
    let busy = |busy: Busy| Problem::busy(busy.to_string());
    let read = shown.read(store.readers(), &book, (span, false), false);
    let charts = read.await.map_err(busy)?.map_err(|error| {
        tracing::error!(%error, "a series of the past cannot be read");
        Problem::internal()
    })?;
    Ok(charts.into_iter().next())
}
