//! The series that samples were of before, by the bytes that say so: most bodies are like the one before them, and then no
//! name is parsed and no label is sorted.
//!
//! Of each series it is known which one followed it the last time, so that as a rule one comparison finds the next. What
//! came together in one batch is handed over as the very same layout when it comes again, which the pipeline then knows too.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::form::Form;
use crate::model::{HostName, SeriesKey, SeriesSpec};

/// What is known at most, in bytes, nearly. All of it is forgotten after the body with which it is more.
const MOST: usize = 32 << 20;

/// A series in [`Known`].
pub type Id = u32;

/// None.
const NONE: Id = Id::MAX;

/// See the module.
#[derive(Debug)]
pub struct Known {
    /// Of samples that name none.
    host: HostName,
    /// What says each series, one behind the other.
    text: Vec<u8>,
    heads: Vec<Head>,
    specs: Vec<SeriesSpec>,
    ids: HashMap<Box<[u8]>, Id>,
    /// The same series may be said in several ways.
    by_key: HashMap<SeriesKey, Id>,
    hosts: HashMap<HostName, u32>,
    /// The series that bodies begin with.
    first: Id,
    /// By the first series in them.
    layouts: HashMap<Id, Steady>,
    bytes: usize,
}

/// What is looked at for each sample, and so in few bytes.
#[derive(Debug)]
struct Head {
    /// Where its text is.
    start: u32,
    length: u32,
    /// The number of its host.
    host: u32,
    /// The series that followed it the last time.
    next: Id,
}

#[derive(Debug)]
struct Steady {
    ids: Box<[Id]>,
    layout: Arc<[SeriesSpec]>,
}

impl Known {
    /// Nothing is known; samples that name no host are of `host`.
    pub fn new(host: HostName) -> Self {
        Self {
            host,
            text: Vec::new(),
            heads: Vec::new(),
            specs: Vec::new(),
            ids: HashMap::new(),
            by_key: HashMap::new(),
            hosts: HashMap::new(),
            first: NONE,
            layouts: HashMap::new(),
            bytes: 0,
        }
    }

    /// Which host the series is of: a number.
    pub fn host_of(&self, id: Id) -> u32 {
        self.heads[id as usize].host
    }

    /// The series that followed `before` the last time, or that bodies begin with, and the bytes that say so.
    pub fn foreseen(&self, before: Option<Id>) -> Option<(Id, &[u8])> {
        let id = before.map_or(self.first, |before| self.heads[before as usize].next);
        let head = self.heads.get(id as usize)?;
        let text = &self.text[head.start as usize..][..head.length as usize];
        Some((id, text))
    }

    /// The series that the bytes `head` say, after `before` or as the first of a body. Of one that is not known `read` tells
    /// what it is, given the host of samples that name none, or why it is no series.
    pub fn find(
        &mut self,
        before: Option<Id>,
        head: &[u8],
        read: impl FnOnce(&HostName) -> Result<SeriesSpec, String>,
    ) -> Result<Id, String> {
        if let Some((id, text)) = self.foreseen(before)
            && text == head
        {
            return Ok(id);
        }
        let id = match self.ids.get(head) {
            Some(id) => *id,
            None => self.learn(head, read(&self.host)?),
        };
        match before {
            Some(before) => self.heads[before as usize].next = id,
            None => self.first = id,
        }
        Ok(id)
    }

    fn learn(&mut self, head: &[u8], spec: SeriesSpec) -> Id {
        let next = self.heads.len() as Id;
        let id = *self.by_key.entry(spec.key.clone()).or_insert(next);
        // The text, once more as a key, and once more in the labels.
        self.bytes += 3 * head.len() + size_of::<SeriesSpec>() + 192;
        self.ids.insert(head.into(), id);
        if id == next {
            let number = self.hosts.len() as u32;
            let host = *self.hosts.entry(spec.key.host.clone()).or_insert(number);
            self.heads.push(Head {
                start: self.text.len() as u32,
                length: head.len() as u32,
                host,
                next: NONE,
            });
            self.text.extend_from_slice(head);
            self.specs.push(spec);
        }
        id
    }

    /// The layout of a batch of these series, each once: the same as the last time, if they are.
    pub fn layout(&mut self, ids: &[Id]) -> Arc<[SeriesSpec]> {
        let known = ids.first().and_then(|first| self.layouts.get(first));
        if let Some(known) = known.filter(|known| *known.ids == *ids) {
            return known.layout.clone();
        }
        let specs = ids.iter().map(|id| self.specs[*id as usize].clone());
        let layout: Arc<[SeriesSpec]> = specs.collect();
        // One alone is found as quickly without.
        if let [first, _, ..] = ids {
            let each = size_of::<Id>() + size_of::<SeriesSpec>();
            let steady = Steady {
                ids: ids.into(),
                layout: layout.clone(),
            };
            self.bytes += each * ids.len();
            if let Some(before) = self.layouts.insert(*first, steady) {
                self.bytes -= each * before.ids.len();
            }
        }
        layout
    }

    /// Forgets all if it is too much. Ids from before mean nothing then.
    pub fn trim(&mut self) {
        if self.bytes > MOST {
            *self = Self::new(self.host.clone());
        }
    }
}

/// What is known of those that push, one for each form and each host that samples without one are of, and one more for each
/// body that is read at the same time. At most `CACHES` are kept, those that were used last.
#[derive(Debug, Default)]
pub struct Caches(Mutex<Vec<(Form, Known)>>);

const CACHES: usize = 8;

impl Caches {
    /// Does something with what is known, alone with it.
    pub fn with<T>(&self, form: Form, host: &HostName, work: impl FnOnce(&mut Known) -> T) -> T {
        let known = {
            let mut all = self.0.lock();
            let fits = |(of, known): &(Form, Known)| *of == form && known.host == *host;
            let at = all.iter().rposition(fits);
            at.map(|at| all.remove(at).1)
        };
        let mut known = known.unwrap_or_else(|| Known::new(host.clone()));
        let done = work(&mut known);
        let mut all = self.0.lock();
        if all.len() >= CACHES {
            all.remove(0);
        }
        all.push((form, known));
        done
    }
}
