//! Patterns: `*` stands for any run of characters, `?` for one.

use crate::model::{Glob, Globs};

use super::{Accept, Raw};

/// A pattern of metric names.
pub(in super::super) struct MetricGlob;

impl Accept for MetricGlob {
    type Value = Glob;

    fn accepted(&self) -> String {
        "a metric name of letters, digits, '_' and ':', in which * stands for any run of characters and ? for one"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Glob> {
        let text = raw.text()?;
        let valid = |b: u8| b.is_ascii_alphanumeric() || b"_:*?".contains(&b);
        (!text.is_empty() && text.bytes().all(valid)).then(|| Glob::new(text))
    }

    fn show(&self, value: &Glob) -> String {
        format!("{:?}", value.as_str())
    }
}

/// One pattern or a list of them, of which any may match; an empty list matches everything.
pub(in super::super) struct GlobList;

impl Accept for GlobList {
    type Value = Globs;

    fn accepted(&self) -> String {
        "a text or a list of texts, in which * stands for any run of characters and ? for one"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Globs> {
        if let Some(text) = raw.text() {
            return Some(Globs::new([text]));
        }
        let texts: Option<Vec<_>> = raw.items()?.into_iter().map(Raw::text).collect();
        texts.map(Globs::new)
    }

    fn show(&self, value: &Globs) -> String {
        format!("{:?}", value.iter().collect::<Vec<_>>())
    }
}
