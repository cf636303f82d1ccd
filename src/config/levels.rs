//! The thresholds of a rule by level, and their order.

use crate::model::{Direction, Levels, Threshold};

use super::{accept::Number, table::Table};

/// The levels' keys, least first.
pub(super) const ALL: [&str; 3] = ["info", "warning", "critical"];

/// Reads all levels; `when` is none when it is itself at fault, and then the sides are not checked.
pub(super) fn read(table: &Table<'_>, when: Option<Direction>) -> Levels {
    let [info, warning, critical] = ALL.map(|level| threshold(table.child(level), when));
    if let Some(when) = when {
        let given = ALL.into_iter().zip([info, warning, critical]);
        in_order(table, when, given.filter_map(|(l, t)| Some((l, t?))));
    }
    Levels {
        info,
        warning,
        critical,
    }
}

/// One level: `clear` is `fire` where it is not given, and must lie on its good side.
fn threshold(table: Table<'_>, when: Option<Direction>) -> Option<Threshold> {
    let fire = table.required("fire", &Number);
    let clear = table.optional("clear", &Number);
    if let (Some(when), Some(fire), Some(clear)) = (when, fire, clear)
        && when.beyond(clear, fire)
    {
        let side = side(when);
        let accepted = format!("a number not {side} {fire}, {side} which this level fires");
        table.refuse("clear", accepted);
    }
    table.close();
    let fire = fire?;
    Some(Threshold {
        fire,
        clear: clear.unwrap_or(fire),
    })
}

/// A worse level must not fire sooner than a lesser one.
fn in_order<'l>(
    table: &Table<'_>,
    when: Direction,
    levels: impl Iterator<Item = (&'l str, Threshold)>,
) {
    let mut before: Option<(&str, Threshold)> = None;
    for (level, threshold) in levels {
        if let Some((lesser, limit)) = before
            && when.beyond(limit.fire, threshold.fire)
        {
            let side = side(when);
            let accepted = format!(
                "a fire at or {side} that of {lesser}, which is {}",
                limit.fire
            );
            table.refuse(level, accepted);
        }
        before = Some((level, threshold));
    }
}

fn side(when: Direction) -> &'static str {
    match when {
        Direction::Above => "above",
        Direction::Below => "below",
    }
}
