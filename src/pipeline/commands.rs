//! What people do with alerts, silences and rules.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    AlertCommand, Refusal,
    inlet::{Configured, MOST_SILENCES},
    turn::Turn,
    turns::Turns,
};
use crate::{
    alerts::NotOpen,
    model::{Activity, AlertEvent, Person, Rule, Silence, Timestamp},
    rules::{Book, Edit, MOST_EDITS},
};

impl Turns {
    /// Does it; tells how many things changed.
    pub(super) fn command(
        &mut self,
        command: AlertCommand,
        by: &Person,
        turn: &mut Turn<'_>,
    ) -> Result<usize, Refusal> {
        match command {
            AlertCommand::Acknowledge(id) => match self.acknowledge(id, by, turn) {
                Ok(Some(event)) => {
                    turn.alert(event);
                    Ok(1)
                }
                Ok(None) => Ok(0),
                Err(_) if turn.state.has_alert(id) => Ok(0),
                Err(_) => Err(Refusal::Alert(id)),
            },
            AlertCommand::Dismiss(id) => match self.acknowledge(id, by, turn) {
                Ok(event) => {
                    let changed = usize::from(event.is_some());
                    event.into_iter().for_each(|event| turn.alert(event));
                    Ok(changed)
                }
                Err(_) if turn.state.dismiss(&[id]) == 1 => {
                    self.parts.store.dismiss(vec![id]);
                    turn.activity(dismissed(1, by, turn.now));
                    Ok(1)
                }
                Err(_) => Err(Refusal::Alert(id)),
            },
            AlertCommand::Clear => Ok(self.clear(by, turn)),
            AlertCommand::Silence(silence) => self.silence(*silence, turn),
            AlertCommand::Unsilence(id) => {
                let ended = self.parts.engine.unsilence(id, turn.now);
                let (silence, events) = ended.ok_or(Refusal::Silence(id))?;
                events.into_iter().for_each(|event| turn.alert(event));
                let message = format!("{by} ended the silence of {}", silence.matcher);
                turn.activity(Activity::new("silence_ended", message, turn.now));
                Ok(1)
            }
            AlertCommand::PutRule(rule) => self.put_rule(rule, by, turn),
            AlertCommand::RemoveRule(name) => {
                let book = turn.state.book.without(&name)?;
                let word = match book.get(&name) {
                    Some(_) => "took back the changes of",
                    None => "removed",
                };
                let message = format!("{by} {word} the rule {name}");
                turn.activity(Activity::new("rule_removed", message, turn.now));
                self.parts.store.remove_rule(name);
                self.turn_to(book, turn);
                Ok(1)
            }
        }
    }

    fn clear(&mut self, by: &Person, turn: &mut Turn<'_>) -> usize {
        let open: Vec<_> = turn.state.open_alerts().map(|a| a.id).collect();
        let mut changed = 0;
        for id in open {
            if let Ok(Some(event)) = self.acknowledge(id, by, turn) {
                turn.alert(event);
                changed += 1;
            }
        }
        let resolved: Vec<_> = turn.state.resolved_alerts().map(|a| a.id).collect();
        let gone = turn.state.dismiss(&resolved);
        if gone > 0 {
            self.parts.store.dismiss(resolved);
            turn.activity(dismissed(gone, by, turn.now));
        }
        changed + gone
    }

    fn silence(&mut self, silence: Silence, turn: &mut Turn<'_>) -> Result<usize, Refusal> {
        let engine = &mut self.parts.engine;
        let is_new = engine.silences().iter().all(|known| known.id != silence.id);
        if is_new && engine.silences().len() >= MOST_SILENCES {
            return Err(Refusal::TooManySilences);
        }
        let reason = match silence.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        let message = format!(
            "{} silenced {} until {}{reason}",
            silence.by, silence.matcher, silence.until
        );
        let events = engine.silence(silence, turn.now);
        events.into_iter().for_each(|event| turn.alert(event));
        turn.activity(Activity::new("silenced", message, turn.now));
        Ok(1)
    }

    fn put_rule(
        &mut self,
        rule: Arc<Rule>,
        by: &Person,
        turn: &mut Turn<'_>,
    ) -> Result<usize, Refusal> {
        let book = turn.state.book.clone();
        let known = book.get(&rule.name);
        if known.is_some_and(|known| known.rule == rule) {
            return Ok(0);
        }
        if known.is_none_or(|known| known.edited.is_none()) && book.edits() >= MOST_EDITS {
            return Err(Refusal::TooManyRules);
        }
        let word = match known {
            None => "made",
            Some(known) => match (known.rule.enabled, rule.enabled) {
                (true, false) => "disabled",
                (false, true) => "enabled",
                _ => "changed",
            },
        };
        let message = format!("{by} {word} the rule {}", rule.name);
        turn.activity(Activity::new("rule_changed", message, turn.now));
        let edit = Edit {
            rule,
            by: by.clone(),
            at: turn.now,
        };
        self.parts.store.put_rule(edit.clone());
        self.turn_to(book.with(edit), turn);
        Ok(1)
    }

    /// The configuration was read again.
    pub(super) fn configured(&mut self, configured: Configured, turn: &mut Turn<'_>) {
        let Configured {
            rules,
            is_shipped,
            maintenance,
        } = configured;
        turn.state.maintenance = maintenance.clone().into();
        let events = self.parts.engine.maintain(maintenance, turn.now);
        events.into_iter().for_each(|event| turn.alert(event));
        let book = turn.state.book.configured(rules, is_shipped);
        self.turn_to(book, turn);
    }

    /// From here on it is this book. Windows that rules look through for the first time are filled with what is in memory.
    fn turn_to(&mut self, book: Book, turn: &mut Turn<'_>) {
        let engine = &mut self.parts.engine;
        let series = self.parts.writer.snapshot();
        let known = series.iter().flatten().cloned();
        let events = engine.set_rules(book.rules(), known, turn.now);
        for window in turn.state.windows.iter() {
            engine.recall(window.series.id, window.points());
        }
        events.into_iter().for_each(|event| turn.alert(event));
        turn.state.book = Arc::new(book);
    }

    fn acknowledge(
        &mut self,
        id: Uuid,
        by: &Person,
        turn: &Turn<'_>,
    ) -> Result<Option<AlertEvent>, NotOpen> {
        let engine = &mut self.parts.engine;
        engine.acknowledge(id, by.clone(), turn.now)
    }
}

fn dismissed(count: usize, by: &Person, now: Timestamp) -> Activity {
    let plural = if count == 1 { "alert" } else { "alerts" };
    let message = format!("{count} resolved {plural} dismissed by {by}");
    Activity::new("alerts_dismissed", message, now)
}
