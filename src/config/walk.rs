//! One walk over a configuration: where things are, what is wrong so far, and which keys there are.

use std::cell::RefCell;

use super::{
    environment::Environment,
    fault::{Fault, Faults, NOTHING},
    keys::Key,
    syntax::{self, Syntax},
};

/// What the walk needs everywhere and what it gathers on its way.
pub(super) struct Walk<'a> {
    pub(super) file: &'a str,
    text: &'a str,
    pub(super) environment: Environment,
    syntax: Vec<Fault>,
    faults: RefCell<Vec<Fault>>,
    keys: RefCell<Vec<Key>>,
}

impl<'a> Walk<'a> {
    /// Over a file that has been checked for its syntax.
    pub(super) fn new(file: &'a str, syntax: &'a Syntax, environment: Environment) -> Self {
        Self {
            file,
            text: &syntax.mended,
            environment,
            syntax: syntax.faults.clone(),
            faults: RefCell::default(),
            keys: RefCell::default(),
        }
    }

    /// The line of a byte of the file.
    pub(super) fn line(&self, offset: usize) -> usize {
        syntax::line(self.text, offset)
    }

    /// Notes a fault.
    pub(super) fn fault(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// Notes that a key exists.
    pub(super) fn key(&self, key: Key) {
        self.keys.borrow_mut().push(key);
    }

    /// The keys met.
    pub(super) fn into_keys(self) -> Vec<Key> {
        self.keys.into_inner()
    }

    /// All that is wrong. What a file with faulty lines lacks is not held against it: it may stand in those lines.
    pub(super) fn into_faults(self) -> Option<Faults> {
        let known = self.keys.into_inner();
        let known: Vec<String> = known.into_iter().filter_map(|key| key.env).collect();
        let mut faults = self.faults.into_inner();
        if !self.syntax.is_empty() {
            faults.retain(|fault| fault.found != NOTHING);
        }
        faults.extend(self.environment.unknown(&known));
        faults.extend(self.syntax);
        Faults::new(faults)
    }
}
