//! The layouts of steady sources, resolved once: their next batches look no name up.

use std::{collections::HashMap, sync::Arc};

use crate::{entry::Layout, model::SeriesSpec};

/// Layouts remembered, at most, and series in them; past that all are forgotten and learnt again.
const MOST: usize = 256;
const MOST_SERIES: usize = 1 << 18;

/// See the module.
#[derive(Default)]
pub(super) struct Layouts {
    by_address: HashMap<usize, Known>,
    series: usize,
}

/// Holds the source's own layout, so that its address stays its own.
struct Known {
    _specs: Arc<[SeriesSpec]>,
    layout: Layout,
}

impl Layouts {
    /// The series of this very layout, if it is remembered.
    pub fn get(&self, specs: &Arc<[SeriesSpec]>) -> Option<Layout> {
        let known = self.by_address.get(&address(specs))?;
        Some(known.layout.clone())
    }

    /// Remembers a layout that was taken whole.
    pub fn learn(&mut self, specs: &Arc<[SeriesSpec]>, layout: &Layout) {
        if self.by_address.len() >= MOST || self.series + layout.len() > MOST_SERIES {
            self.forget();
        }
        self.series += layout.len();
        let known = Known {
            _specs: specs.clone(),
            layout: layout.clone(),
        };
        self.by_address.insert(address(specs), known);
    }

    /// Forgets all: a series is gone.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

fn address(layout: &Arc<[SeriesSpec]>) -> usize {
    Arc::as_ptr(layout).cast::<SeriesSpec>() as usize
}
