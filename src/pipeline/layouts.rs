//! The layouts of steady sources, resolved once: their next batches look no name up.

use std::{collections::HashMap, sync::Arc};

use crate::{entry::Layout, model::SeriesSpec};

/// Layouts remembered, at most; past that all are forgotten and learnt again.
const MOST: usize = 256;

/// See the module.
#[derive(Default)]
pub(super) struct Layouts(HashMap<usize, Known>);

/// Holds the source's own layout, so that its address stays its own.
struct Known {
    _specs: Arc<[SeriesSpec]>,
    layout: Layout,
}

impl Layouts {
    /// The series of this very layout, if it is remembered.
    pub fn get(&self, specs: &Arc<[SeriesSpec]>) -> Option<Layout> {
        let known = self.0.get(&address(specs))?;
        Some(known.layout.clone())
    }

    /// Remembers a layout that was taken whole.
    pub fn learn(&mut self, specs: &Arc<[SeriesSpec]>, layout: &Layout) {
        if self.0.len() >= MOST {
            self.forget();
        }
        let known = Known {
            _specs: specs.clone(),
            layout: layout.clone(),
        };
        self.0.insert(address(specs), known);
    }

    /// Forgets all: a series is gone.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

fn address(layout: &Arc<[SeriesSpec]>) -> usize {
    Arc::as_ptr(layout).cast::<SeriesSpec>() as usize
}
