//! The registry of series: names in, small numbers out.
//!
//! The pipeline alone writes; everybody else reads a snapshot, which is one pointer. An id is never used twice in one
//! life of the server. When `max_series` are known, a new one is refused with [`Refused::Full`] and counted there.

pub mod cbor;

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use crate::model::{SeriesId, SeriesKey, SeriesSpec, SourceId};

/// An interned series: what it is, whose it is, and the text of its samples that never changes.
#[derive(Debug)]
pub struct Series {
    /// Its number.
    pub id: SeriesId,
    /// What it is.
    pub spec: SeriesSpec,
    /// The one source that may write it.
    pub owner: SourceId,
    /// `"name":"…","value":` without the braces; a sample's JSON is head, value, tail.
    pub json_head: Box<str>,
    /// `,"unit":"…"`, then `,"host":"…"` where the host is asked for, then labels if there are any.
    pub json_unit: Box<str>,
    /// `,"host":"…"`.
    pub json_host: Box<str>,
    /// `,"labels":{…}`, or nothing.
    pub json_labels: Box<str>,
    cbor: OnceLock<Box<cbor::Parts>>,
}

impl Series {
    fn new(id: SeriesId, spec: SeriesSpec, owner: SourceId) -> Self {
        let json_labels = if spec.key.labels.is_empty() {
            String::new()
        } else {
            format!(",\"labels\":{}", json(&spec.key.labels))
        };
        Self {
            id,
            json_head: format!("\"name\":{},\"value\":", json(&spec.key.name)).into(),
            json_unit: format!(",\"unit\":{}", json(&spec.unit)).into(),
            json_host: format!(",\"host\":{}", json(&spec.key.host)).into(),
            json_labels: json_labels.into(),
            cbor: OnceLock::new(),
            spec,
            owner,
        }
    }

    /// A series that is known from the store alone: it has no id in this life.
    pub fn stored(spec: SeriesSpec, owner: SourceId) -> Self {
        Self::new(SeriesId::NONE, spec, owner)
    }

    /// What never changes of its samples in CBOR; made when it is asked for first, since most servers never are.
    pub fn cbor(&self) -> &cbor::Parts {
        self.cbor
            .get_or_init(|| Box::new(cbor::Parts::new(&self.spec)))
    }

    /// Its identity.
    pub fn key(&self) -> &SeriesKey {
        &self.spec.key
    }
}

/// The JSON of a small value that cannot fail to serialize.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Why a sample's series was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `max_series` are known already.
    #[error("the limit of {max} series is reached (key series.max); {series} is new")]
    Full {
        /// The limit.
        max: usize,
        /// The series that is new.
        series: SeriesKey,
    },
    /// Another source writes this series.
    #[error("{series} belongs to the source {owner}")]
    Foreign {
        /// The series.
        series: SeriesKey,
        /// Its owner.
        owner: SourceId,
    },
}

/// A snapshot: every series by id. A slot is empty when its series has expired.
pub type Table = Vec<Option<Arc<Series>>>;

/// The registry; a cheap handle for readers.
#[derive(Debug, Clone)]
pub struct Registry(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    table: ArcSwap<Table>,
    refused: AtomicU64,
    max_series: usize,
}

/// The writing side; there is one, and the pipeline has it.
#[derive(Debug)]
pub struct Writer {
    registry: Registry,
    by_key: HashMap<SeriesKey, Arc<Series>>,
}

impl Registry {
    /// An empty registry that will hold at most `max_series`, and its one writer.
    pub fn new(max_series: usize) -> (Self, Writer) {
        let registry = Self(Arc::new(Shared {
            table: ArcSwap::default(),
            refused: AtomicU64::new(0),
            max_series,
        }));
        let writer = Writer {
            registry: registry.clone(),
            by_key: HashMap::new(),
        };
        (registry, writer)
    }

    /// All series as they are now.
    pub fn snapshot(&self) -> Arc<Table> {
        self.0.table.load_full()
    }

    /// How many samples were refused for want of room.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// The limit.
    pub fn max_series(&self) -> usize {
        self.0.max_series
    }
}

impl Writer {
    /// All series there are now.
    pub fn snapshot(&self) -> Arc<Table> {
        self.registry.snapshot()
    }

    /// The series of each spec for `source`, in order, new ones registered; or why not.
    pub fn resolve(
        &mut self,
        source: &SourceId,
        specs: &[SeriesSpec],
    ) -> Vec<Result<Arc<Series>, Refused>> {
        let mut grown: Option<Table> = None;
        let resolved = specs
            .iter()
            .map(|spec| {
                if let Some(series) = self.by_key.get(&spec.key) {
                    return if series.owner == *source {
                        Ok(series.clone())
                    } else {
                        Err(Refused::Foreign {
                            series: spec.key.clone(),
                            owner: series.owner.clone(),
                        })
                    };
                }
                let shared = &self.registry.0;
                if self.by_key.len() >= shared.max_series {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                    return Err(Refused::Full {
                        max: shared.max_series,
                        series: spec.key.clone(),
                    });
                }
                let table = grown.get_or_insert_with(|| Table::clone(&shared.table.load()));
                let id = SeriesId(table.len() as u32);
                let series = Arc::new(Series::new(id, spec.clone(), source.clone()));
                table.push(Some(series.clone()));
                self.by_key.insert(spec.key.clone(), series.clone());
                Ok(series)
            })
            .collect();
        if let Some(table) = grown {
            self.registry.0.table.store(Arc::new(table));
        }
        resolved
    }

    /// Forgets series that have been idle for long; their ids are not used again.
    pub fn expire(&mut self, ids: &[SeriesId]) {
        let mut table = Table::clone(&self.registry.0.table.load());
        for id in ids {
            if let Some(series) = table.get_mut(id.index()).and_then(Option::take) {
                self.by_key.remove(series.key());
            }
        }
        self.registry.0.table.store(Arc::new(table));
    }
}
