//! A lane: the partial matches of one alphabet's patterns while a text is read. Owns which of them are followed when
//! readings of the text diverge and merge again; does not know how a text is read.

use std::collections::BTreeMap;

use updraft_protocol::limits::MASKED_BEGUN;

use crate::alphabet::Alphabet;
use crate::automaton::{Automaton, Ending, ROOT, State};
use crate::readings::Reading;

/// A partial match through one reading of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    state: State,
    /// Its position in the text; or an earlier one, if it is not exact.
    pub(crate) start: usize,
    exact: bool,
    /// From here on each byte of the text represents itself.
    raw_from: usize,
}

/// A pattern that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) alphabet: Alphabet,
    pub(crate) ending: Ending,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it begins exactly at `start`, rather than somewhere after it.
    pub(crate) exact: bool,
}

/// The partial matches of one alphabet at the current position.
pub(crate) struct Lane<'a> {
    pub(crate) automaton: &'a Automaton,
    pub(crate) alphabet: Alphabet,
    now: Vec<Begun>,
    next: Vec<Begun>,
    /// Those that continue where an escape ends.
    later: BTreeMap<usize, Vec<Begun>>,
    pub(crate) steps: u64,
}

impl<'a> Lane<'a> {
    pub(crate) fn new(automaton: &'a Automaton, alphabet: Alphabet) -> Self {
        Self { automaton, alphabet, now: Vec::new(), next: Vec::new(), later: BTreeMap::new(), steps: 0 }
    }

    /// Whether there is no partial match.
    pub(crate) fn is_idle(&self) -> bool {
        self.now.is_empty() && self.next.is_empty() && self.later.is_empty()
    }

    /// Moves to a position, with the partial matches up to it.
    pub(crate) fn arrive(&mut self, at: usize) {
        std::mem::swap(&mut self.now, &mut self.next);
        self.next.clear();
        if let Some(begun) = self.later.remove(&at) {
            let mut now = std::mem::take(&mut self.now);
            begun.into_iter().for_each(|begun| self.add(&mut now, begun));
            self.now = now;
        }
    }

    /// The least start of the partial matches that are long enough to count as a secret that was cut.
    pub(crate) fn begun(&self) -> Option<usize> {
        let long = |begun: &&Begun| self.automaton.depth(begun.state) >= self.alphabet.begun();
        self.now.iter().filter(long).map(|begun| begun.start).min()
    }

    /// Continues from a position with a character that it may represent. Patterns that end there are added to `hits`.
    pub(crate) fn read(&mut self, at: usize, reading: &Reading, hits: &mut Vec<Hit>) {
        let nothing = Begun { state: ROOT, start: at, exact: true, raw_from: at };
        // A partial match ends with the empty match: a pattern that begins here is found through it.
        let count = self.now.len().max(1);
        for index in 0..count {
            let begun = self.now.get(index).copied().unwrap_or(nothing);
            if let Some(begun) = self.after(begun, at, reading) {
                self.hit(&begun, reading.end(at), hits);
                self.keep(at, reading.end(at), begun);
            }
        }
    }

    fn after(&mut self, mut begun: Begun, at: usize, reading: &Reading) -> Option<Begun> {
        let end = reading.end(at);
        // A blank that is written `+` takes one byte as well.
        let is_raw = end == at + 1;
        for byte in reading.bytes().iter().copied() {
            if begun.state != ROOT && self.alphabet.is_passed_over(byte) {
                begun.raw_from = end;
                continue;
            }
            let before = self.automaton.depth(begun.state);
            begun.state = self.automaton.next(begun.state, self.alphabet.letter(byte), &mut self.steps);
            let depth = self.automaton.depth(begun.state);
            if !is_raw {
                begun.raw_from = end;
            }
            if depth <= end - begun.raw_from {
                (begun.start, begun.exact) = (end - depth, true);
            } else if depth == 1 {
                (begun.start, begun.exact) = (at, true);
            } else if depth <= before {
                // It begins later, after an escape whose position is no longer known.
                begun.exact = false;
            }
        }
        (begun.state != ROOT).then_some(begun)
    }

    fn hit(&self, begun: &Begun, end: usize, hits: &mut Vec<Hit>) {
        for ending in self.automaton.endings(begun.state) {
            let whole = ending.len == self.automaton.depth(begun.state);
            let (start, exact) = if ending.len <= end - begun.raw_from {
                (end - ending.len, true)
            } else {
                (begun.start, begun.exact && whole)
            };
            hits.push(Hit { alphabet: self.alphabet, ending, start, end, exact });
            // All shorter ones are inside of it.
            if !ending.alone {
                break;
            }
        }
    }

    fn keep(&mut self, at: usize, end: usize, begun: Begun) {
        let mut all = match end == at + 1 {
            true => std::mem::take(&mut self.next),
            false => self.later.remove(&end).unwrap_or_default(),
        };
        self.add(&mut all, begun);
        match end == at + 1 {
            true => self.next = all,
            false => {
                self.later.insert(end, all);
            }
        }
    }

    /// Adds a partial match; of two with the same state the longer is kept, of too many those that have read the most.
    fn add(&mut self, all: &mut Vec<Begun>, begun: Begun) {
        self.steps += 1 + all.len() as u64;
        if let Some(same) = all.iter_mut().find(|other| other.state == begun.state) {
            if begun.start < same.start {
                *same = begun;
            }
            return;
        }
        if all.len() < MASKED_BEGUN {
            all.push(begun);
            return;
        }
        let depth = |begun: &Begun| self.automaton.depth(begun.state);
        if let Some(least) = all.iter_mut().min_by_key(|begun| depth(begun))
            && depth(least) < depth(&begun)
        {
            *least = begun;
        }
    }
}
