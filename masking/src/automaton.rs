//! The automaton of Aho and Corasick: finds many patterns in one pass over a text. Owns the tree of the patterns and where
//! each place of it falls back to; knows nothing of escapes, nor of what the patterns are.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

/// A place of the tree: what was read of one pattern or several.
pub(crate) type State = u32;

/// Nothing was read.
pub(crate) const ROOT: State = 0;

/// A pattern as it was given.
pub(crate) struct Pattern {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether it counts only where no longer word is around it.
    pub(crate) alone: bool,
}

/// A pattern that ends where a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The state that has read the pattern and nothing else.
    pub(crate) state: State,
    pub(crate) len: usize,
    pub(crate) alone: bool,
}

/// Many patterns. Wiped when it is dropped: its tree spells them.
pub(crate) struct Automaton {
    nodes: Vec<Node>,
    /// Where the root leads to, by byte; most texts are there at most places.
    from_root: Box<[State; 256]>,
}

#[derive(Clone)]
struct Node {
    /// What was read last.
    byte: u8,
    /// Whether a pattern ends here, and whether one that counts wherever it stands.
    ends: bool,
    ends_anywhere: bool,
    /// The root is the child of none, so it stands for none.
    first_child: State,
    sibling: State,
    parent: State,
    depth: u32,
    /// The longest end of what was read that begins a pattern.
    falls: State,
    /// The same without those that go on with no other byte than this state: where this one does not go on, neither do
    /// they. So what is read again and again (`aaaa`) falls in one step.
    fails: State,
    /// The longest pattern that is an end of what was read, and shorter.
    shorter: State,
}

/// What a place of the tree takes in memory.
pub(crate) const PLACE_BYTES: usize = size_of::<Node>();

const NOTHING: Node = Node {
    byte: 0,
    ends: false,
    ends_anywhere: false,
    first_child: ROOT,
    sibling: ROOT,
    parent: ROOT,
    depth: 0,
    falls: ROOT,
    fails: ROOT,
    shorter: ROOT,
};

impl Automaton {
    pub(crate) fn new(patterns: &[Pattern]) -> Self {
        // All at once: what grows is moved, and leaves its bytes behind.
        let places = 1 + patterns.iter().map(|pattern| pattern.bytes.len()).sum::<usize>();
        let mut nodes = Vec::with_capacity(places);
        nodes.push(NOTHING);
        let mut automaton = Self { nodes, from_root: Box::new([ROOT; 256]) };
        patterns
            .iter()
            .filter(|pattern| !pattern.bytes.is_empty())
            .for_each(|pattern| automaton.insert(pattern));
        automaton.link();
        automaton
    }

    /// The bytes with which a pattern begins.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.child(ROOT, byte) != ROOT
    }

    /// The state after one byte more. Each look at a state is a step.
    pub(crate) fn next(&self, mut state: State, byte: u8, steps: &mut u64) -> State {
        loop {
            *steps += 1;
            let child = self.child(state, byte);
            if child != ROOT || state == ROOT {
                return child;
            }
            state = self.node(state).fails;
        }
    }

    /// How many bytes of patterns the state has read.
    pub(crate) fn depth(&self, state: State) -> usize {
        self.node(state).depth as usize
    }

    /// The patterns that end at a state, the longest first.
    pub(crate) fn endings(&self, state: State) -> impl Iterator<Item = Ending> {
        let first = if self.node(state).ends { state } else { self.node(state).shorter };
        let all = std::iter::successors(Some(first), |state| Some(self.node(*state).shorter));
        all.take_while(|state| *state != ROOT).map(|state| {
            let node = self.node(state);
            Ending { state, len: node.depth as usize, alone: !node.ends_anywhere }
        })
    }

    /// What a state has read.
    pub(crate) fn bytes(&self, state: State) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.depth(state)));
        let up = std::iter::successors(Some(state), |state| Some(self.node(*state).parent));
        bytes.extend(up.take_while(|state| *state != ROOT).map(|state| self.node(state).byte));
        bytes.reverse();
        bytes
    }

    fn node(&self, state: State) -> &Node {
        // Every state stands for a node; the root for what would be none.
        self.nodes.get(state as usize).unwrap_or(&NOTHING)
    }

    fn child(&self, state: State, byte: u8) -> State {
        if state == ROOT {
            return self.from_root[usize::from(byte)];
        }
        self.children(state).find(|child| self.node(*child).byte == byte).unwrap_or(ROOT)
    }

    fn children(&self, state: State) -> impl Iterator<Item = State> {
        let first = self.node(state).first_child;
        std::iter::successors(Some(first), |child| Some(self.node(*child).sibling))
            .take_while(|child| *child != ROOT)
    }

    fn change(&mut self, state: State, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(state as usize) {
            change(node);
        }
    }

    fn insert(&mut self, pattern: &Pattern) {
        let mut state = ROOT;
        for byte in pattern.bytes.iter().copied() {
            let child = self.child(state, byte);
            state = if child == ROOT { self.grow(state, byte) } else { child };
        }
        self.change(state, |node| {
            node.ends = true;
            node.ends_anywhere |= !pattern.alone;
        });
    }

    fn grow(&mut self, parent: State, byte: u8) -> State {
        // The limits keep secrets far below four billion bytes.
        let state = self.nodes.len() as State;
        let Node { depth, first_child: sibling, .. } = *self.node(parent);
        self.nodes.push(Node { byte, sibling, parent, depth: depth + 1, ..NOTHING });
        self.change(parent, |node| node.first_child = state);
        if parent == ROOT {
            self.from_root[usize::from(byte)] = state;
        }
        state
    }

    /// Links each state to what it falls back to, the shorter ones first.
    fn link(&mut self) {
        let mut open: VecDeque<State> = self.children(ROOT).collect();
        while let Some(state) = open.pop_front() {
            let Node { byte, parent, .. } = *self.node(state);
            let falls = if parent == ROOT { ROOT } else { self.next(self.node(parent).falls, byte, &mut 0) };
            let back = self.node(falls).clone();
            let goes_on = |other: State| self.child(state, self.node(other).byte) != ROOT;
            let fails = if self.children(falls).all(goes_on) { back.fails } else { falls };
            let shorter = if back.ends { falls } else { back.shorter };
            open.extend(self.children(state));
            self.change(state, |node| {
                node.falls = falls;
                node.fails = if falls == ROOT { ROOT } else { fails };
                node.shorter = shorter;
            });
        }
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.byte.zeroize());
        self.from_root.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(patterns: &[&str]) -> Automaton {
        let pattern = |text: &&str| Pattern { bytes: Zeroizing::new(text.as_bytes().to_vec()), alone: false };
        Automaton::new(&patterns.iter().map(pattern).collect::<Vec<_>>())
    }

    /// Where patterns end in the text, and how long they are; with the steps that it took.
    fn endings(automaton: &Automaton, text: &str) -> (Vec<(usize, usize)>, u64) {
        let (mut state, mut found, mut steps) = (ROOT, Vec::new(), 0);
        for (at, byte) in text.bytes().enumerate() {
            state = automaton.next(state, byte, &mut steps);
            found.extend(automaton.endings(state).map(|ending| (at + 1, ending.len)));
        }
        (found, steps)
    }

    #[test]
    fn all_patterns_are_found_where_they_end_the_longest_first() {
        let all = automaton(&["he", "she", "his", "hers", "", "he"]);
        assert_eq!(endings(&all, "ushers his").0, [(4, 3), (4, 2), (6, 4), (10, 3)]);
        let inner = automaton(&["abcd", "bc", "xabcy"]);
        assert_eq!(endings(&inner, "xabcd xabcy").0, [(4, 2), (5, 4), (10, 2), (11, 5)]);
        assert_eq!(endings(&automaton(&[]), "text").0, []);
    }

    #[test]
    fn every_occurrence_is_found_that_a_search_of_each_pattern_finds() {
        let patterns = ["a", "ab", "aab", "bab", "bb", "abba"];
        let all = automaton(&patterns);
        for number in 0..4096 {
            let text: String = (0..12).map(|bit| if number >> bit & 1 == 1 { 'a' } else { 'b' }).collect();
            let mut expected: Vec<(usize, usize)> = Vec::new();
            for pattern in patterns {
                let ends = (0..=text.len()).filter(|end| text[..*end].ends_with(pattern));
                expected.extend(ends.map(|end| (end, pattern.len())));
            }
            expected.sort_by_key(|(end, len)| (*end, usize::MAX - len));
            assert_eq!(endings(&all, &text).0, expected, "{text}");
        }
    }

    #[test]
    fn what_is_read_again_and_again_falls_in_few_steps() {
        let secret = "a".repeat(1_000);
        let all = automaton(&[&format!("{secret}c")]);
        let text = format!("{secret}b").repeat(20);
        let (found, steps) = endings(&all, &text);
        assert!(found.is_empty());
        assert!(steps <= text.len() as u64 * 2, "{steps}");
        let longest = (0..text.len()).fold(ROOT, |state, _| all.next(state, b'a', &mut 0));
        let mut one = 0;
        all.next(longest, b'b', &mut one);
        assert!(one <= 3, "{one}");
    }

    #[test]
    fn a_state_tells_what_it_read() {
        let all = automaton(&["abc"]);
        let state = "xab".bytes().fold(ROOT, |state, byte| all.next(state, byte, &mut 0));
        assert_eq!((all.bytes(state).as_slice(), all.depth(state)), (&b"ab"[..], 2));
        assert!(all.begins_with(b'a') && !all.begins_with(b'b'));
    }
}
