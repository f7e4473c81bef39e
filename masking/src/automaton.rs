//! The Aho-Corasick automaton: finds many patterns in one pass over a text. Owns the tree of the patterns and its
//! fallback links; knows nothing of escapes, nor of the meaning of the patterns.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

/// A node of the tree: a prefix of one pattern or several.
pub(crate) type State = u32;

/// The empty prefix.
pub(crate) const ROOT: State = 0;

/// A pattern as it was given.
pub(crate) struct Pattern {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether it counts only as a word of its own.
    pub(crate) alone: bool,
}

/// A pattern that ends at a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The state of the pattern itself.
    pub(crate) state: State,
    pub(crate) len: usize,
    pub(crate) alone: bool,
}

/// Many patterns. Wiped when it is dropped, since its tree spells them.
pub(crate) struct Automaton {
    nodes: Vec<Node>,
    /// The transitions of the root, by byte; most texts are at the root most of the time.
    from_root: Box<[State; 256]>,
}

#[derive(Clone)]
struct Node {
    /// The last byte of the prefix.
    byte: u8,
    /// Whether a pattern ends here, and whether it counts anywhere.
    ends: bool,
    ends_anywhere: bool,
    /// 0 means none, since the root is never a child.
    first_child: State,
    sibling: State,
    parent: State,
    depth: u32,
    /// The longest proper suffix that is a prefix of a pattern.
    falls: State,
    /// The same, but skipping states with the same only next byte: if this state cannot continue, neither can they. So
    /// repeated letters (`aaaa`) fall back in one step.
    fails: State,
    /// The longest shorter pattern that is a suffix.
    shorter: State,
}

/// The memory of a node of the tree.
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
        // Allocated at once: a vector that grows would leave copies of its bytes behind.
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

    /// Whether a pattern begins with this byte.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.child(ROOT, byte) != ROOT
    }

    /// The state after one more byte. Each state that is visited is a step.
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

    /// The length of the prefix.
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

    /// The bytes of the prefix.
    pub(crate) fn bytes(&self, state: State) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.depth(state)));
        let up = std::iter::successors(Some(state), |state| Some(self.node(*state).parent));
        bytes.extend(up.take_while(|state| *state != ROOT).map(|state| self.node(state).byte));
        bytes.reverse();
        bytes
    }

    fn node(&self, state: State) -> &Node {
        // Every state is the index of a node.
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

    /// Sets the fallback links of each state, the shorter states first.
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

    /// The ends and lengths of patterns in the text; with the number of steps.
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
