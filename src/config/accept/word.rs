//! One of a few words.

use super::{Accept, Raw};

/// One of these words, each with what it stands for.
pub(in super::super) struct Word<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Accept for Word<T> {
    type Value = T;

    fn accepted(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("one of {}", words.join(", "))
    }

    fn read(&self, raw: Raw<'_>) -> Option<T> {
        let text = raw.text()?;
        let (_, value) = self.0.iter().find(|(word, _)| *word == text)?;
        Some(*value)
    }

    fn show(&self, value: &T) -> String {
        let word = self.0.iter().find(|(_, v)| v == value);
        word.map_or_else(String::new, |(word, _)| format!("{word:?}"))
    }
}
