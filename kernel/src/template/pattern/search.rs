//! Where a pattern matches: `find`, `find_all` and `replace_regex`. One automaton reads forwards to the end of a match,
//! a second one backwards to its start; a third one finds the groups of a match, and takes over where the first two
//! cannot decide. Each byte, each derived state and each group is charged for before.

use std::collections::BTreeSet;
use std::ops::Range;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::{NonMaxUsize, PatternID};
use regex_automata::util::start;
use regex_automata::{Anchored, Input, MatchKind};
use updraft_protocol::limits::PATTERN_CACHE_BYTES;

use super::{BYTE_WORK, MACHINE_BYTES, MACHINE_WORK, STATE_WORK, STATE_WORK_EACH, automaton, translated};
use crate::meter::{Meter, NODE_WORK, Result, refuse};
use crate::template::budget::Budget;

/// Bytes that are charged for together, before the first of them is read.
const BLOCK: usize = 256;
/// The cost of a byte that is read in a state which ends a match: whether the next state is known is looked up.
const MATCH_WORK: u64 = 64;
/// The memory of such a look-up.
const MATCH_BYTES: usize = 64;

/// A pattern that finds places, compiled.
#[derive(Debug)]
pub(in crate::template) struct Search {
    forwards: DFA,
    backwards: DFA,
    machine: PikeVM,
}

impl Search {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The mistake in it, or that the playbook's patterns together take too much.
    pub(in crate::template) fn compile(
        source: &str,
        budget: &mut Budget,
    ) -> std::result::Result<Self, String> {
        let tree = translated(source, budget)?;
        let captures = thompson::Config::new().which_captures(WhichCaptures::All);
        let forwards = automaton(captures, &tree, budget)?;
        let reverse = thompson::Config::new().reverse(true).which_captures(WhichCaptures::None);
        let backwards = automaton(reverse, &tree, budget)?;
        // A full cache ends the reading, because `Reading` knows derived states only as long as none is forgotten.
        let config = Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(PATTERN_CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let machine = PikeVM::new_from_nfa(forwards.clone());
        let first = config.clone().match_kind(MatchKind::LeftmostFirst);
        let forwards = DFA::builder().configure(first).build_from_nfa(forwards);
        let longest = config.match_kind(MatchKind::All);
        let backwards = DFA::builder().configure(longest).build_from_nfa(backwards);
        match (forwards, backwards, machine) {
            (Ok(forwards), Ok(backwards), Ok(machine)) => Ok(Self { forwards, backwards, machine }),
            _ => Err("the pattern cannot be compiled".to_owned()),
        }
    }

    /// The number of a group with this name.
    pub(in crate::template) fn group(&self, name: &str) -> Option<usize> {
        self.machine.get_nfa().group_info().to_index(PatternID::ZERO, name)
    }

    /// The number of groups, with the whole match as group 0.
    pub(in crate::template) fn groups(&self) -> usize {
        self.machine.get_nfa().group_info().group_len(PatternID::ZERO)
    }

    /// The cost of following all states together over so many bytes.
    fn machine_work(&self, bytes: usize) -> u64 {
        (bytes as u64 + 1)
            .saturating_mul(self.machine.get_nfa().states().len() as u64)
            .saturating_mul(MACHINE_WORK)
    }
}

/// A text that is searched, and how far.
pub(in crate::template) struct Finder<'f> {
    search: &'f Search,
    meter: &'f Meter,
    text: &'f str,
    forwards: Reading<'f>,
    backwards: Reading<'f>,
    /// The start of the next search; beyond the text when it is over.
    at: usize,
    /// The end of the last match, where no empty match follows it.
    last: Option<usize>,
}

impl<'f> Finder<'f> {
    pub(in crate::template) fn new(meter: &'f Meter, search: &'f Search, text: &'f str) -> Result<Self> {
        meter.work(NODE_WORK)?;
        Ok(Self {
            search,
            meter,
            text,
            forwards: Reading::new(meter, &search.forwards, text.len())?,
            backwards: Reading::new(meter, &search.backwards, text.len())?,
            at: 0,
            last: None,
        })
    }

    /// The next match, which does not overlap the last one.
    pub(in crate::template) fn next(&mut self) -> Result<Option<Range<usize>>> {
        while self.at <= self.text.len() {
            self.meter.work(NODE_WORK)?;
            let Some(found) = self.first_from(self.at)? else { break };
            let is_whole = self.text.is_char_boundary(found.start) && self.text.is_char_boundary(found.end);
            let is_empty = found.is_empty();
            self.at = if is_empty { self.after(found.end) } else { found.end };
            if is_whole && !(is_empty && self.last == Some(found.end)) {
                self.last = Some(found.end);
                return Ok(Some(found));
            }
        }
        self.at = self.text.len() + 1;
        Ok(None)
    }

    /// The start of the character after this place.
    fn after(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at + 1..).unwrap_or_default();
        at + 1 + rest.iter().take_while(|byte| **byte & 0xC0 == 0x80).count()
    }

    fn first_from(&mut self, from: usize) -> Result<Option<Range<usize>>> {
        let bytes = self.text.as_bytes();
        let before = from.checked_sub(1).and_then(|at| bytes.get(at)).copied();
        let config = start::Config::new().anchored(Anchored::No).look_behind(before);
        let rest = bytes.get(from..).unwrap_or_default();
        let end = match self.forwards.last_match((&config, before), rest.iter(), None)? {
            Reached::At(read) => from + read,
            Reached::Nowhere => return Ok(None),
            Reached::Undecided => return self.follow(from),
        };
        let after = bytes.get(end).copied();
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(after);
        let back = bytes.get(from..end).unwrap_or_default();
        match self.backwards.last_match((&config, after), back.iter().rev(), before)? {
            Reached::At(read) => Ok(Some(end - read..end)),
            Reached::Nowhere | Reached::Undecided => self.follow(from),
        }
    }

    /// The first match from this place, all states together.
    fn follow(&self, from: usize) -> Result<Option<Range<usize>>> {
        self.meter.work(self.search.machine_work(self.text.len() - from))?;
        let mut slots = self.slots(2)?;
        let input = Input::new(self.text).range(from..);
        self.search.machine.search_slots(&mut self.search.machine.create_cache(), &input, &mut slots);
        Ok(place(&slots, 0))
    }

    /// The places of all groups of a match; group 0 is the match.
    pub(in crate::template) fn groups(&self, found: &Range<usize>) -> Result<Groups> {
        self.meter.work(self.search.machine_work(found.len()))?;
        let mut slots = self.slots(2 * self.search.groups())?;
        let input = Input::new(self.text).range(found.clone()).anchored(Anchored::Yes);
        self.search.machine.search_slots(&mut self.search.machine.create_cache(), &input, &mut slots);
        Ok(Groups(slots))
    }

    fn slots(&self, count: usize) -> Result<Vec<Option<NonMaxUsize>>> {
        let states = self.search.machine.get_nfa().states().len();
        // The machine keeps the places of all groups for each of its states, twice.
        let kept = 2 * (2 * self.search.groups() + 1) * size_of::<usize>() + MACHINE_BYTES;
        self.meter.make(states.saturating_mul(kept) + count * size_of::<usize>())?;
        Ok(vec![None; count])
    }
}

/// The places of the groups of one match.
pub(in crate::template) struct Groups(Vec<Option<NonMaxUsize>>);

impl Groups {
    /// The place of a group; `None` if it took no part in the match.
    pub(in crate::template) fn get(&self, group: usize) -> Option<Range<usize>> {
        place(&self.0, group)
    }
}

fn place(slots: &[Option<NonMaxUsize>], group: usize) -> Option<Range<usize>> {
    let at = |slot: usize| slots.get(slot).copied().flatten().map(NonMaxUsize::get);
    Some(at(2 * group)?..at(2 * group + 1)?)
}

/// How far a reading came.
enum Reached {
    /// The last match ends after so many bytes.
    At(usize),
    Nowhere,
    /// `\b` is beside a letter that is not ASCII, or there are too many states.
    Undecided,
}

/// An automaton and its states so far.
struct Reading<'r> {
    meter: &'r Meter,
    states: &'r DFA,
    cache: Cache,
    /// The steps out of start states and states that end a match, which were charged for. Other steps are known to the
    /// automaton.
    known: BTreeSet<(Option<LazyStateID>, Option<u8>)>,
}

impl<'r> Reading<'r> {
    fn new(meter: &'r Meter, states: &'r DFA, text: usize) -> Result<Self> {
        let automaton = states.get_nfa().states().len();
        meter.make(2 * PATTERN_CACHE_BYTES.min(MACHINE_BYTES * (text + 64)) + MACHINE_BYTES * automaton)?;
        Ok(Self { meter, states, cache: states.create_cache(), known: BTreeSet::new() })
    }

    /// The end of the last match in `bytes`, which are followed by the byte `after`.
    fn last_match<'b>(
        &mut self,
        (start, behind): (&start::Config, Option<u8>),
        bytes: impl Iterator<Item = &'b u8>,
        after: Option<u8>,
    ) -> Result<Reached> {
        self.charge_once(None, behind)?;
        let Ok(mut state) = self.states.start_state(&mut self.cache, start) else {
            return Ok(Reached::Undecided);
        };
        let (mut last, mut read) = (Reached::Nowhere, 0);
        for byte in bytes {
            if read % BLOCK == 0 {
                self.meter.work(BYTE_WORK * BLOCK as u64)?;
            }
            let Some(next) = self.step(state, *byte)? else { return Ok(Reached::Undecided) };
            // An automaton tells a match one byte late.
            match next {
                next if next.is_match() => last = Reached::At(read),
                next if next.is_dead() => return Ok(last),
                next if next.is_quit() => return Ok(Reached::Undecided),
                _ => {}
            }
            state = next;
            read += 1;
        }
        let end = match after {
            Some(byte) => self.step(state, byte)?,
            None => {
                self.charge_once(Some(state), None)?;
                self.states.next_eoi_state(&mut self.cache, state).ok()
            }
        };
        Ok(match end {
            Some(end) if end.is_match() => Reached::At(read),
            Some(end) if !end.is_quit() => last,
            _ => Reached::Undecided,
        })
    }

    /// The state after a byte; `None` if there are too many states.
    fn step(&mut self, state: LazyStateID, byte: u8) -> Result<Option<LazyStateID>> {
        if state.is_tagged() {
            self.charge_once(Some(state), Some(byte))?;
        } else {
            let next = self.states.next_state_untagged(&self.cache, state, byte);
            if !next.is_unknown() {
                return Ok(Some(next));
            }
            self.meter.work(self.state_work())?;
        }
        Ok(self.states.next_state(&mut self.cache, state, byte).ok())
    }

    fn charge_once(&mut self, state: Option<LazyStateID>, byte: Option<u8>) -> Result<()> {
        self.meter.work(MATCH_WORK)?;
        if !self.known.contains(&(state, byte)) {
            self.meter.make(MATCH_BYTES)?;
            self.meter.work(self.state_work())?;
            self.known.insert((state, byte));
        }
        Ok(())
    }

    /// The cost of deriving one state.
    fn state_work(&self) -> u64 {
        STATE_WORK + STATE_WORK_EACH * self.states.get_nfa().states().len() as u64
    }
}

/// The number of a group that an author named or numbered.
///
/// # Errors
/// The pattern has no such group.
pub(in crate::template) fn group_of(search: &Search, filter: &'static str, name: &str) -> Result<usize> {
    let number = match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < search.groups()),
        Err(_) => search.group(name),
    };
    match number {
        Some(number) => Ok(number),
        None => refuse(format!("the pattern of `{filter}` has no such group")),
    }
}
