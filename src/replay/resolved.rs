//! The series of what was recorded, as those of a registry: the present one, or that of a scene.

use std::{collections::HashMap, sync::Arc};

use crate::{
    entry::Layout,
    model::SeriesSpec,
    series::{Series, Writer},
};

/// Layouts that are remembered, at most.
const LAYOUTS: usize = 64;

/// A layout, and which series its are.
type Of = (Layout, Vec<Option<Arc<Series>>>);

/// Which series those of a layout are; looked up once for each layout, as long as it comes again soon.
#[derive(Debug, Default)]
pub struct Resolved {
    /// By the address of the layout, which is kept beside them.
    by_layout: HashMap<usize, Of>,
}

impl Resolved {
    /// The series of a layout, in order, registered where they are new; none for what is not wanted, and for what there is no
    /// room for.
    pub fn of(
        &mut self,
        layout: &Layout,
        writer: &mut Writer,
        is_wanted: impl Fn(&Series) -> bool,
    ) -> &[Option<Arc<Series>>] {
        let address = layout.as_ptr().addr();
        if self.by_layout.len() >= LAYOUTS && !self.by_layout.contains_key(&address) {
            self.by_layout.clear();
        }
        let (_, resolved) = self.by_layout.entry(address).or_insert_with(|| {
            let of_owner = layout.chunk_by(|a, b| a.owner == b.owner);
            let resolved = of_owner.flat_map(|of| {
                let wanted = of.iter().filter(|series| is_wanted(series));
                let specs: Vec<SeriesSpec> = wanted.map(|series| series.spec.clone()).collect();
                let mut resolved = writer.resolve(&of[0].owner, &specs).into_iter();
                let places = of.iter().map(|series| match is_wanted(series) {
                    true => resolved.next()?.ok(),
                    false => None,
                });
                places.collect::<Vec<_>>()
            });
            (layout.clone(), resolved.collect())
        });
        resolved
    }
}
