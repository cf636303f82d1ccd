//! What people do with alerts.

use super::{AlertCommand, Unknown, turn::Turn, turns::Turns};
use crate::model::{Activity, Timestamp};

impl Turns {
    /// Does it; tells how many alerts changed.
    pub(super) fn command(
        &mut self,
        command: AlertCommand,
        turn: &mut Turn<'_>,
    ) -> Result<usize, Unknown> {
        match command {
            AlertCommand::Acknowledge(id) => match self.parts.engine.acknowledge(id, turn.now) {
                Ok(Some(event)) => {
                    turn.alert(event);
                    Ok(1)
                }
                Ok(None) => Ok(0),
                Err(_) if turn.state.has_alert(id) => Ok(0),
                Err(_) => Err(Unknown(id)),
            },
            AlertCommand::Dismiss(id) => match self.parts.engine.acknowledge(id, turn.now) {
                Ok(event) => {
                    let changed = usize::from(event.is_some());
                    event.into_iter().for_each(|event| turn.alert(event));
                    Ok(changed)
                }
                Err(_) if turn.state.dismiss(&[id]) == 1 => {
                    self.parts.store.dismiss(vec![id]);
                    turn.activity(dismissed(1, turn.now));
                    Ok(1)
                }
                Err(_) => Err(Unknown(id)),
            },
            AlertCommand::Clear => {
                let open: Vec<_> = turn.state.open_alerts().map(|a| a.id).collect();
                let mut changed = 0;
                for id in open {
                    if let Ok(Some(event)) = self.parts.engine.acknowledge(id, turn.now) {
                        turn.alert(event);
                        changed += 1;
                    }
                }
                let resolved: Vec<_> = turn.state.resolved_alerts().map(|a| a.id).collect();
                let gone = turn.state.dismiss(&resolved);
                if gone > 0 {
                    self.parts.store.dismiss(resolved);
                    turn.activity(dismissed(gone, turn.now));
                }
                Ok(changed + gone)
            }
        }
    }
}

fn dismissed(count: usize, now: Timestamp) -> Activity {
    let plural = if count == 1 { "alert" } else { "alerts" };
    let message = format!("{count} resolved {plural} dismissed");
    Activity::new("alerts_dismissed", message, now)
}
