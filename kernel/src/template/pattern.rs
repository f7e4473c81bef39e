//! Regular expressions: `is matching('…')`, and in [`Search`] where they match. A text is read once, from state to
//! state; a new state is derived from those of the pattern, and charged for before.

mod cost;
mod search;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::translate::Translator;
use updraft_protocol::limits::{PATTERN_BYTES, PATTERN_CACHE_BYTES, PATTERN_NESTING, PATTERN_SOURCE_BYTES};

use super::budget::Budget;
use crate::meter::{Meter, NODE_WORK, Result, refuse};

pub(super) use search::{Finder, Search, group_of};

/// A pattern, compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    states: DFA,
    /// Takes over if `\b` is beside a letter that is not ASCII: slower, and charged for as such.
    machine: PikeVM,
}

/// The cost of parsing a pattern, and of each byte that its automaton keeps.
const COMPILE_WORK: u64 = 200_000;
const COMPILE_WORK_EACH: u64 = 16;
/// The memory of a pattern beside its states.
const KEPT_BYTES: usize = 4 << 10;
/// The cost of a byte of the text in a known state.
const BYTE_WORK: u64 = 4;
/// The cost of deriving a state, for each state of the pattern.
const STATE_WORK: u64 = 1_000;
const STATE_WORK_EACH: u64 = 20;
/// The cost of each byte for each state of the pattern, if all of them are followed together.
const MACHINE_WORK: u64 = 40;
const MACHINE_BYTES: usize = 64;

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The mistake in it, or that the playbook's patterns together take too much.
    pub(super) fn compile(source: &str, budget: &mut Budget) -> std::result::Result<Self, String> {
        let config = thompson::Config::new().which_captures(WhichCaptures::None);
        let pattern = automaton(config, &translated(source, budget)?, budget)?;
        let config = Config::new()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(PATTERN_CACHE_BYTES)
            .skip_cache_capacity_check(true);
        let states = DFA::builder().configure(config).build_from_nfa(pattern.clone());
        let machine = PikeVM::new_from_nfa(pattern);
        match (states, machine) {
            (Ok(states), Ok(machine)) => Ok(Self { states, machine }),
            _ => Err("the pattern cannot be compiled".to_owned()),
        }
    }

    /// Whether it is found in `text`.
    pub(super) fn is_found(&self, meter: &Meter, text: &str) -> Result<bool> {
        meter.work(NODE_WORK + BYTE_WORK * text.len() as u64)?;
        let states = self.machine.get_nfa().states().len();
        meter
            .make(2 * PATTERN_CACHE_BYTES.min(MACHINE_BYTES * (text.len() + 64)) + MACHINE_BYTES * states)?;
        let mut reading = PatternReader { pattern: self, meter, cache: self.states.create_cache() };
        match reading.read(text)? {
            Some(found) => Ok(found),
            None => self.follow(meter, text),
        }
    }

    /// As [`Pattern::is_found`], all states together.
    fn follow(&self, meter: &Meter, text: &str) -> Result<bool> {
        let states = self.machine.get_nfa().states().len();
        meter.make(states * MACHINE_BYTES)?;
        meter.work((text.len() as u64 + 1).saturating_mul(states as u64).saturating_mul(MACHINE_WORK))?;
        Ok(self.machine.is_match(&mut self.machine.create_cache(), text))
    }

    /// The cost of deriving one state.
    fn state_work(&self) -> u64 {
        STATE_WORK + STATE_WORK_EACH * self.machine.get_nfa().states().len() as u64
    }
}

/// The tree of a pattern.
///
/// # Errors
/// The mistake in it, or that the playbook's patterns together take too much.
fn translated(source: &str, budget: &mut Budget) -> std::result::Result<Hir, String> {
    if source.len() > PATTERN_SOURCE_BYTES {
        return Err(format!("a pattern has at most {PATTERN_SOURCE_BYTES} bytes"));
    }
    budget.work(COMPILE_WORK)?;
    let parsed = ParserBuilder::new().nest_limit(PATTERN_NESTING).build().parse(source);
    let parsed = parsed.map_err(|error| no_pattern(error.kind()))?;
    cost::charge(&parsed, budget)?;
    Translator::new().translate(source, &parsed).map_err(|error| no_pattern(error.kind()))
}

/// The automaton of a pattern, charged for.
fn automaton(config: thompson::Config, tree: &Hir, budget: &mut Budget) -> std::result::Result<NFA, String> {
    let config = config.nfa_size_limit(Some(PATTERN_BYTES));
    let built = thompson::Compiler::new().configure(config).build_from_hir(tree);
    let bytes = built.as_ref().map_or(PATTERN_BYTES, NFA::memory_usage);
    budget.work(COMPILE_WORK_EACH * bytes as u64)?;
    let built = built.map_err(|error| reason(&error))?;
    budget.keep(KEPT_BYTES + bytes)?;
    Ok(built)
}

/// A text that is read.
struct PatternReader<'r> {
    pattern: &'r Pattern,
    meter: &'r Meter,
    cache: Cache,
}

impl PatternReader<'_> {
    /// Whether the pattern is found; `None` if these states cannot decide.
    fn read(&mut self, text: &str) -> Result<Option<bool>> {
        let states = &self.pattern.states;
        self.meter.work(self.pattern.state_work())?;
        let config = start::Config::new().anchored(Anchored::No);
        let Ok(mut at) = states.start_state(&mut self.cache, &config) else { return lost() };
        for byte in text.bytes() {
            if let Some(found) = known(at) {
                return Ok(found);
            }
            let mut next = states.next_state_untagged(&self.cache, at, byte);
            if next.is_unknown() {
                self.meter.work(self.pattern.state_work())?;
                let Ok(worked_out) = states.next_state(&mut self.cache, at, byte) else { return lost() };
                next = worked_out;
            }
            at = next;
        }
        if let Some(found) = known(at) {
            return Ok(found);
        }
        self.meter.work(self.pattern.state_work())?;
        let Ok(end) = states.next_eoi_state(&mut self.cache, at) else { return lost() };
        Ok(if end.is_quit() { None } else { Some(end.is_match()) })
    }
}

/// The decision of a state; `None` if more of the text must be read.
fn known(state: LazyStateID) -> Option<Option<bool>> {
    match state {
        state if state.is_match() => Some(Some(true)),
        state if state.is_dead() => Some(Some(false)),
        state if state.is_quit() => Some(None),
        _ => None,
    }
}

fn lost<T>() -> Result<T> {
    refuse("the pattern cannot be followed")
}

fn no_pattern(kind: impl std::fmt::Display) -> String {
    format!("not a regular expression: {kind}")
}

/// Why an automaton cannot be made from a pattern.
fn reason(error: &thompson::BuildError) -> String {
    if error.size_limit().is_some() {
        return format!(
            "the pattern is too large: with its repetitions and classes written out it takes more than {PATTERN_BYTES} bytes"
        );
    }
    no_pattern(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Result<bool> {
        Pattern::compile(pattern, &mut Budget::new()).unwrap().is_found(&Meter::new(), text)
    }

    #[test]
    fn patterns_are_found_anywhere_unless_they_are_tied() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("b+", "abbc", true),
            ("^b", "ab", false),
            ("^ab$", "ab", true),
            ("^ab$", "ab\n", false),
            ("(?i)invoice|urgent", "An INVOICE", true),
            (r"^\d{1,3}(\.\d{1,3}){3}$", "10.0.0.255", true),
            (r"^\d{1,3}(\.\d{1,3}){3}$", "10.0.0.2555", false),
            (r"\bcmd\b", "run cmd now", true),
            (r"\bcmd\b", "runcmd", false),
            (r"\bcmd\b", "é cmd ü", true),
            (r"\bcmd\b", "écmd", false),
            (r"^\w+$", "Größe", true),
            ("x$", "x", true),
            ("a.c", "aéc", true),
        ] {
            assert_eq!(found(pattern, text), Ok(expected), "{pattern} in {text}");
        }
    }

    #[test]
    fn a_pattern_costs_what_its_states_do() {
        let text = "01".repeat(250_000);
        assert_eq!(found("[01]*1[01]{3000}2", &text), Err(crate::meter::Refusal::Work));
        assert_eq!(found(r"\bx\b", &"é ".repeat(250_000)), Err(crate::meter::Refusal::Work));
        assert_eq!(found("evil|bad", &text), Ok(false));
        assert_eq!(found(r"powershell.*-enc\s+[A-Za-z0-9+/=]{20,}", &text), Ok(false));
    }

    #[test]
    fn patterns_of_one_playbook_share_its_budget() {
        let mut budget = Budget::new();
        let fitting = (0..20_000).take_while(|_| Pattern::compile("[a-z]{900}", &mut budget).is_ok()).count();
        assert!((100..5_000).contains(&fitting), "{fitting}");
        assert!(Pattern::compile("a", &mut budget).is_err());
    }

    #[test]
    fn what_is_no_pattern_is_said_plainly() {
        for (pattern, words) in [
            ("(", "not a regular expression: unclosed group"),
            ("a{2,1}", "not a regular expression: "),
            (r"\w{500}", "the pattern is too large"),
            ("(a{1000}){1000}", "the pattern is too large"),
        ] {
            let error = Pattern::compile(pattern, &mut Budget::new()).unwrap_err();
            assert!(error.starts_with(words), "{pattern}: {error}");
        }
        assert!(Pattern::compile(&"a".repeat(PATTERN_SOURCE_BYTES + 1), &mut Budget::new()).is_err());
    }
}
