//! Who is told of an alert.

use crate::model::{LabelName, Notify};

use super::{Accept, Raw};

/// `true` for whoever the routes say, `false` for nobody, or the names of channels.
pub(in super::super) struct Told;

impl Accept for Told {
    type Value = Notify;

    fn accepted(&self) -> String {
        "true, false or a list of channels by name".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Notify> {
        if let Raw::File(value) = raw
            && let Some(anybody) = value.as_bool()
        {
            return Some(match anybody {
                true => Notify::Routed,
                false => Notify::Nobody,
            });
        }
        let names = raw.items()?.into_iter();
        let names = names.map(|name| Some(LabelName::parse(name.text()?).ok()?.as_str().into()));
        let names: Vec<_> = names.collect::<Option<_>>()?;
        Some(match names.is_empty() {
            true => Notify::Nobody,
            false => Notify::Channels(names),
        })
    }

    fn show(&self, value: &Notify) -> String {
        match value {
            Notify::Nobody => "false".to_owned(),
            Notify::Routed => "true".to_owned(),
            Notify::Channels(names) => format!("{names:?}"),
        }
    }
}
