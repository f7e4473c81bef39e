//! The search: the positions of secrets in a text, in any encoding. Owns one pass over the text, and its cost; changes
//! nothing.

use updraft_protocol::limits::MASKED_NESTING;

use crate::alphabet::Alphabet;
use crate::automaton::Automaton;
use crate::escape::is_introducer;
use crate::lane::{Hit, Lane};
use crate::numbers::Numbers;
use crate::readings::{Reading, Readings};

/// The longest escape that is searched for before a short secret: three nested percent signs, or a long entity.
const ESCAPE_BYTES: usize = 24;
/// The longest rest of a text that counts as an escape that was cut.
const CUT_ESCAPE_BYTES: usize = 48;
/// Steps for each byte of a text to search for the beginnings of secrets whose ends were found.
const BACKWARD_STEPS: usize = 8;

/// The secrets, prepared for a search.
pub(crate) struct Tables {
    pub(crate) automata: [(Alphabet, Automaton); 3],
    /// A bit for each automaton in which something may begin with the byte.
    pub(crate) begins: [u8; 256],
    pub(crate) numbers: Numbers,
}

/// The kind of search.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    /// How deep escapes are nested.
    pub(crate) nesting: usize,
    /// Whether the text was cut, so that a partial secret may be at its end.
    pub(crate) is_cut: bool,
}

impl Search {
    /// The usual search.
    pub(crate) const WHOLE: Self = Self { nesting: MASKED_NESTING, is_cut: false };
}

/// The positions of secrets, in order and without overlap.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) spans: Vec<(usize, usize)>,
    /// The number of steps: bounded for each byte.
    pub(crate) steps: u64,
}

/// Finds the secrets of a text.
pub(crate) fn search(text: &str, tables: &Tables, how: Search) -> Found {
    let lanes = tables.automata.each_ref().map(|(alphabet, automaton)| Lane::new(automaton, *alphabet));
    let steps_left = text.len().saturating_mul(BACKWARD_STEPS);
    let mut pass = Pass {
        text,
        lanes,
        readings: Readings::new(text),
        how,
        hits: Vec::new(),
        spans: Vec::new(),
        steps_left,
    };
    pass.run(&tables.begins);
    pass.found()
}

struct Pass<'a> {
    text: &'a str,
    lanes: [Lane<'a>; 3],
    readings: Readings<'a>,
    how: Search,
    hits: Vec<Hit>,
    spans: Vec<(usize, usize)>,
    /// Steps that are left to search for the beginnings of secrets.
    steps_left: usize,
}

impl Pass<'_> {
    fn run(&mut self, begins: &[u8; 256]) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        // A bit for each lane with a partial match.
        let mut live = 0;
        loop {
            if live == 0 {
                let rest = bytes.get(at..).unwrap_or_default();
                at += rest.iter().position(|byte| begins[usize::from(*byte)] != 0).unwrap_or(rest.len());
            }
            self.each(live, |lane, _| lane.arrive(at));
            let Some(byte) = bytes.get(at).copied() else { break };
            live |= begins[usize::from(byte)];
            if is_introducer(byte) {
                self.cut_escape(at);
                let list = self.readings.at(at, self.how.nesting);
                for reading in list.as_slice() {
                    self.read(live, at, reading);
                }
            } else {
                self.read(live, at, &Reading::byte(byte, 1));
            }
            at += 1;
            let mut still = 0;
            self.each(live, |lane, bit| still |= if lane.is_idle() { 0 } else { bit });
            live = still;
        }
        self.cut(self.text.len());
    }

    fn each(&mut self, live: u8, mut act: impl FnMut(&mut Lane<'_>, u8)) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let bit = 1 << index;
            if live & bit != 0 {
                act(lane, bit);
            }
        }
    }

    fn read(&mut self, live: u8, at: usize, reading: &Reading) {
        let mut hits = std::mem::take(&mut self.hits);
        self.each(live, |lane, _| lane.read(at, reading, &mut hits));
        hits.drain(..).for_each(|hit| self.settle(hit));
        self.hits = hits;
    }

    /// Adds the span of a hit.
    fn settle(&mut self, hit: Hit) {
        let start = if hit.exact { hit.start } else { self.start(hit) };
        if hit.ending.alone && !self.is_alone(start, hit.end) {
            return;
        }
        let end = if hit.alphabet == Alphabet::Base64 { self.padding(hit.end) } else { hit.end };
        self.span(start, end);
    }

    fn span(&mut self, start: usize, end: usize) {
        match self.spans.last_mut() {
            // Overlapping hits of one run are one span.
            Some(last) if start >= last.0 && start <= last.1 => last.1 = last.1.max(end),
            _ => self.spans.push((start, end)),
        }
    }

    /// Where a pattern begins that ends at `hit.end` and begins at `hit.start` or after. If the search would take too
    /// long, returns `hit.start`, which masks rather too much.
    fn start(&mut self, hit: Hit) -> usize {
        if let Some((start, end)) = self.spans.last()
            && *start <= hit.start
            && hit.end.saturating_sub(hit.ending.len) <= *end
        {
            // It begins inside a span that is masked already: no letter takes less than a byte.
            return *end;
        }
        let Some(steps_left) = self.steps_left.checked_sub(hit.ending.len) else { return hit.start };
        self.steps_left = steps_left;
        let Some(lane) = self.lanes.iter().find(|lane| lane.alphabet == hit.alphabet) else {
            return hit.start;
        };
        let (alphabet, pattern) = (hit.alphabet, lane.automaton.bytes(hit.ending.state));
        for start in hit.start..hit.end {
            let mut open = vec![(start, 0)];
            while let Some((at, matched)) = open.pop() {
                let Some(steps_left) = self.steps_left.checked_sub(1) else { return hit.start };
                self.steps_left = steps_left;
                if at == hit.end && matched == pattern.len() {
                    return start;
                }
                if at >= hit.end || matched == pattern.len() {
                    continue;
                }
                for reading in self.readings.at(at, self.how.nesting).as_slice() {
                    let letters = reading.bytes().iter().map(|byte| alphabet.letter(*byte));
                    let rest = pattern.get(matched..).unwrap_or_default();
                    if matched > 0 && reading.bytes().iter().all(|byte| alphabet.is_passed_over(*byte)) {
                        open.push((reading.end(at), matched));
                    } else if letters.eq(rest.iter().take(reading.bytes().len()).copied()) {
                        open.push((reading.end(at), matched + reading.bytes().len()));
                    }
                }
            }
        }
        hit.start
    }

    /// Whether it is a word of its own, in any reading of the bytes before it.
    fn is_alone(&mut self, start: usize, end: usize) -> bool {
        let of_word = |c: char| c.is_alphanumeric() || c == '_';
        let after = self.text.get(end..).and_then(|rest| rest.chars().next());
        if after.is_some_and(of_word) {
            return false;
        }
        let before = self.text.get(..start).and_then(|rest| rest.chars().next_back());
        if !before.is_some_and(of_word) {
            return true;
        }
        let bytes = self.text.as_bytes();
        (start.saturating_sub(ESCAPE_BYTES)..start).any(|at| {
            let may_begin = bytes.get(at).is_some_and(|byte| is_introducer(*byte));
            may_begin
                && self.readings.at(at, self.how.nesting).as_slice().iter().any(|reading| {
                    let word =
                        std::str::from_utf8(reading.bytes()).is_ok_and(|text| text.chars().all(of_word));
                    reading.end(at) == start && !word
                })
        })
    }

    /// The end of base64, including its padding.
    fn padding(&mut self, mut end: usize) -> usize {
        for _ in 0..2 {
            let list = self.readings.at(end, self.how.nesting);
            let padding = list
                .as_slice()
                .iter()
                .filter(|reading| reading.bytes() == b"=")
                .map(|reading| reading.end(end))
                .max();
            end = padding.unwrap_or(end);
        }
        end
    }

    /// If the text was cut within an escape, handles the partial matches before it.
    fn cut_escape(&mut self, at: usize) {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let of_escape =
            |byte: &u8| is_introducer(*byte) || byte.is_ascii_alphanumeric() || b"#;".contains(byte);
        if self.how.is_cut && rest.len() <= CUT_ESCAPE_BYTES && rest.iter().all(of_escape) {
            self.cut(self.text.len());
        }
    }

    fn cut(&mut self, end: usize) {
        if self.how.is_cut
            && let Some(start) = self.lanes.iter().filter_map(Lane::begun).min()
        {
            self.span(start, end);
        }
    }

    fn found(self) -> Found {
        let mut spans = self.spans;
        spans.sort_unstable();
        let mut apart: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match apart.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => apart.push((start, end)),
            }
        }
        let steps = self.readings.steps + self.lanes.iter().map(|lane| lane.steps).sum::<u64>();
        Found { spans: apart, steps }
    }
}
