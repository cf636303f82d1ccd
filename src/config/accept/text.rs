//! Names, paths and sentences.

use std::{path::PathBuf, sync::Arc};

use crate::model::{HostName, LabelName, MetricName, Template, template::OF_MESSAGES};

use super::{Accept, Raw};

/// A path; relative ones count from the working directory.
pub(in super::super) struct Path;

impl Accept for Path {
    type Value = PathBuf;

    fn accepted(&self) -> String {
        "the path of a directory".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<PathBuf> {
        raw.text()
            .filter(|text| !text.is_empty() && !text.contains('\0'))
            .map(PathBuf::from)
    }

    fn show(&self, value: &PathBuf) -> String {
        format!("{value:?}")
    }
}

/// The name of a host; empty for none.
pub(in super::super) struct Host;

impl Accept for Host {
    type Value = Option<HostName>;

    fn accepted(&self) -> String {
        "a host name without control characters or commas, at most 200 bytes, or \"\" for the machine's own"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        match raw.text()? {
            "" => Some(None),
            name => HostName::parse(name).ok().map(Some),
        }
    }

    fn show(&self, value: &Self::Value) -> String {
        format!("{:?}", value.as_ref().map_or("", HostName::as_str))
    }
}

/// The name of a rule.
pub(in super::super) struct Name;

impl Accept for Name {
    type Value = Arc<str>;

    fn accepted(&self) -> String {
        "a name of letters, digits and '_', not starting with a digit, at most 200 bytes".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Arc<str>> {
        // A rule's name has the alphabet of a label's.
        Some(LabelName::parse(raw.text()?).ok()?.as_str().into())
    }

    fn show(&self, value: &Arc<str>) -> String {
        format!("{value:?}")
    }
}

/// The name of a label.
pub(in super::super) struct Label;

impl Accept for Label {
    type Value = LabelName;

    fn accepted(&self) -> String {
        "a label name of letters, digits and '_', not starting with a digit".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<LabelName> {
        LabelName::parse(raw.text()?).ok()
    }

    fn show(&self, value: &LabelName) -> String {
        value.as_str().to_owned()
    }
}

/// The name of one metric.
pub(in super::super) struct Metric;

impl Accept for Metric {
    type Value = Arc<str>;

    fn accepted(&self) -> String {
        "the name of one metric: letters, digits, '_' and ':', not starting with a digit".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Arc<str>> {
        Some(MetricName::parse(raw.text()?).ok()?.as_str().into())
    }

    fn show(&self, value: &Arc<str>) -> String {
        format!("{value:?}")
    }
}

/// A short text.
pub(in super::super) struct Text;

impl Text {
    const MAX_BYTES: usize = 256;
}

impl Accept for Text {
    type Value = String;

    fn accepted(&self) -> String {
        "a text of at most 256 bytes without control characters".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let fits = text.len() <= Self::MAX_BYTES && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    }

    fn show(&self, value: &String) -> String {
        format!("{value:?}")
    }
}

/// A text of any length.
pub(in super::super) struct LongText;

impl Accept for LongText {
    type Value = String;

    fn accepted(&self) -> String {
        "a text".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<String> {
        raw.text().map(str::to_owned)
    }

    fn show(&self, value: &String) -> String {
        format!("{value:?}")
    }
}

/// An address of mail.
pub(in super::super) struct Mailbox;

impl Accept for Mailbox {
    type Value = String;

    fn accepted(&self) -> String {
        "an address of mail, like \"ops@example.org\" or \"Operations <ops@example.org>\""
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let parsed = text.parse::<lettre::message::Mailbox>();
        parsed.is_ok().then(|| text.to_owned())
    }

    fn show(&self, value: &String) -> String {
        format!("{value:?}")
    }
}

/// An argument of a command, with variables of messages.
pub(in super::super) struct Argument;

impl Accept for Argument {
    type Value = Template;

    fn accepted(&self) -> String {
        format!(
            "a text, in which {{{{ NAME }}}} stands for {}, labels.NAME or tags.NAME",
            OF_MESSAGES.join(", ")
        )
    }

    fn read(&self, raw: Raw<'_>) -> Option<Template> {
        Template::parse_with(raw.text()?, OF_MESSAGES).ok()
    }

    fn show(&self, value: &Template) -> String {
        format!("{:?}", value.source())
    }
}

/// A sentence for people, with variables.
pub(in super::super) struct Sentence;

impl Accept for Sentence {
    type Value = Template;

    fn accepted(&self) -> String {
        "a text, in which {{ NAME }} stands for rule, level, host, name, labels, labels.NAME, value, threshold or unit"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Template> {
        let text = raw.text().filter(|text| !text.trim().is_empty())?;
        Template::parse(text).ok()
    }

    fn show(&self, value: &Template) -> String {
        format!("{:?}", value.source())
    }
}
