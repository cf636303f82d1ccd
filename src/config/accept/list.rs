//! Lists.

use super::{Accept, Raw};

/// A list, perhaps empty; in the environment separated by commas.
pub(in super::super) struct ListOf<A>(pub A);

impl<A: Accept> Accept for ListOf<A> {
    type Value = Vec<A::Value>;

    fn accepted(&self) -> String {
        format!("a list, each of it {}", self.0.accepted())
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        raw.items()?
            .into_iter()
            .map(|item| self.0.read(item))
            .collect()
    }

    fn show(&self, value: &Self::Value) -> String {
        let items: Vec<_> = value.iter().map(|item| self.0.show(item)).collect();
        format!("[{}]", items.join(", "))
    }
}
