//! What people do with alerts.

use uuid::Uuid;

use super::{AlertCommand, Unknown, turn::Turn, turns::Turns};
use crate::{
    alerts::NotOpen,
    model::{Activity, AlertEvent, Person, Timestamp},
};

impl Turns {
    /// Does it; tells how many alerts changed.
    pub(super) fn command(
        &mut self,
        command: AlertCommand,
        by: &Person,
        turn: &mut Turn<'_>,
    ) -> Result<usize, Unknown> {
        match command {
            AlertCommand::Acknowledge(id) => match self.acknowledge(id, by, turn) {
                Ok(Some(event)) => {
                    turn.alert(event);
                    Ok(1)
                }
                Ok(None) => Ok(0),
                Err(_) if turn.state.has_alert(id) => Ok(0),
                Err(_) => Err(Unknown(id)),
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
                Err(_) => Err(Unknown(id)),
            },
            AlertCommand::Clear => {
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
                Ok(changed + gone)
            }
        }
    }
}

impl Turns {
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
