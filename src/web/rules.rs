//! `/api/rules`: the threshold rules, and what people make of them.

pub mod form;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::{Value, json};

use super::{api, ingest::body, problem::Problem, state::State};
use crate::{
    config::{Faults, lint, rule_from_json, rule_to_json},
    control::Command,
    model::Rule,
    pipeline::LiveState,
    rules::Listed,
};

/// `GET /api/rules`
pub async fn rules(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let live = state.live().read();
    let listed = live.book.listed().iter();
    let listed: Vec<_> = listed.map(|listed| written(&live, listed)).collect();
    Ok(api::list(state.stream().log().position(), "rules", &listed))
}

/// `GET /api/rules/{name}`
pub async fn rule(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let live = state.live().read();
    let listed = live.book.get(&name).ok_or_else(|| unknown(&name))?;
    Ok(api::json(written(&live, listed).to_string()))
}

/// `POST /api/rules`
pub async fn make(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let body = read(&request, payload).await?;
    let rule = parsed(&body)?;
    let state = State::of(&request)?;
    if state.live().read().book.get(&rule.name).is_some() {
        let detail = format!(
            "there is a rule {:?} already; PUT /api/rules/{} changes it",
            rule.name, rule.name
        );
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let location = format!("/api/rules/{}", rule.name);
    api::execute(&request, Command::PutRule(Arc::new(rule))).await?;
    Ok(HttpResponse::Created()
        .insert_header(("location", location))
        .json(json!({ "changed": 1 })))
}

/// `PUT /api/rules/{name}`
pub async fn put(
    request: HttpRequest,
    name: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let mut body = read(&request, payload).await?;
    if !body.is_object() {
        return Err(parsed(&body).err().unwrap_or_else(Problem::internal));
    }
    match body.get("name") {
        None => body["name"] = json!(*name),
        Some(other) if *other == json!(*name) => {}
        Some(other) => {
            let accepted = format!("the name in the address, {:?}, or none at all", *name);
            return Err(Problem::field("name", &other.to_string(), &accepted));
        }
    }
    let rule = parsed(&body)?;
    api::execute(&request, Command::PutRule(Arc::new(rule))).await
}

/// `POST /api/rules/{name}/{action}`
pub async fn action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, action) = path.into_inner();
    let command = switch(State::of(&request)?, &name, &action)?;
    api::execute(&request, command).await
}

/// What a path says to a rule, in the API and in forms.
pub fn switch(state: &State, name: &str, action: &str) -> Result<Command, Problem> {
    let enabled = match action {
        "enable" => true,
        "disable" => false,
        _ => return Err(Problem::not_found("a rule can be told enable or disable")),
    };
    let live = state.live().read();
    let listed = live.book.get(name).ok_or_else(|| unknown(name))?;
    let rule = Rule {
        enabled,
        ..Rule::clone(&listed.rule)
    };
    Ok(Command::PutRule(Arc::new(rule)))
}

/// `DELETE /api/rules/{name}`
pub async fn remove(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    api::execute(&request, Command::RemoveRule(name.into_inner())).await
}

/// `POST /api/rules/check`
pub async fn check(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let body = read(&request, payload).await?;
    let rule = parsed(&body)?;
    let state = State::of(&request)?;
    let live = state.live().read();
    let matching = live.windows.iter();
    let matching = matching.filter(|window| rule.matches(window.series.key()));
    Ok(HttpResponse::Ok().json(json!({
        "rule": rule_to_json(&rule),
        "series": matching.count(),
        "remarks": lint::rule(&rule),
    })))
}

fn written(live: &LiveState, listed: &Listed) -> Value {
    let rule = &*listed.rule;
    let matching = live.windows.iter();
    let matching = matching.filter(|window| rule.matches(window.series.key()));
    let open = live.open_alerts().filter(|alert| alert.rule == rule.name);
    let mut written = json!({
        "rule": rule_to_json(rule),
        "origin": listed.origin,
        "series": matching.count(),
        "open": open.count(),
    });
    if let Some((by, at)) = &listed.edited {
        written["changed_by"] = json!(by);
        written["changed"] = json!(at);
    }
    written
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Value, Problem> {
    let state = State::of(request)?;
    let body = body::read(request, payload, &state.parts().ingest, state.limits()).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Problem::unprocessable(format!(
            "not JSON: {error}; a rule is an object with the keys it has in the configuration"
        ))
    })
}

/// A rule, or all that is wrong with it.
pub fn parsed(body: &Value) -> Result<Rule, Problem> {
    rule_from_json(body).map_err(|faults| faulty(&faults))
}

fn faulty(faults: &Faults) -> Problem {
    let first = faults.iter().next().map(ToString::to_string);
    let detail = match faults.iter().len() {
        1 => first.unwrap_or_default(),
        many => format!("{many} faults, the first: {}", first.unwrap_or_default()),
    };
    Problem::unprocessable(detail).with("faults", faults_of(faults))
}

/// Faults as they are listed.
pub fn faults_of(faults: &Faults) -> Value {
    let faults = faults.iter().map(|fault| {
        let mut shown = json!({
            "key": fault.key, "found": fault.found, "accepted": fault.accepted,
        });
        if let Some(line) = fault.line {
            shown["line"] = json!(line);
        }
        shown
    });
    Value::Array(faults.collect())
}

fn unknown(name: &str) -> Problem {
    let shown: String = name.chars().take(80).collect();
    Problem::not_found(format!("there is no rule {shown:?}"))
}
