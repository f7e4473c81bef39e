//! The line and column of findings: one walk over the text for all of them. Knows only texts that are JSON.

use std::collections::HashMap;

use crate::finding::CacaoFinding;
use crate::path::{segment, segments};

/// The places that are wanted, as a tree by the parts of their paths.
#[derive(Default)]
struct Wanted {
    /// Findings at this place, by their number.
    here: Vec<usize>,
    inside: HashMap<String, Wanted>,
}

/// Gives each finding that has none the line and column of its path; where the path is not in the text, that of the part of it that
/// is.
pub(crate) fn locate(text: &str, findings: &mut [CacaoFinding]) {
    let mut wanted = Wanted::default();
    for (number, finding) in findings.iter().enumerate().filter(|(_, finding)| finding.line == 0) {
        let mut at = &mut wanted;
        for part in segments(&finding.path) {
            at = at.inside.entry(part).or_default();
        }
        at.here.push(number);
    }
    let mut offsets = vec![None; findings.len()];
    Scan { bytes: text.as_bytes(), text, at: 0 }.all(&wanted, &mut offsets);
    let mut order: Vec<usize> = (0..findings.len()).filter(|number| offsets[*number].is_some()).collect();
    order.sort_by_key(|number| offsets[*number]);
    let (mut line, mut line_start, mut seen) = (1_u64, 0, 0);
    for number in order {
        let at = offsets[number].unwrap_or_default();
        for (offset, _) in text[seen..at].match_indices('\n') {
            line += 1;
            line_start = seen + offset + 1;
        }
        seen = at;
        let column = text[line_start..at].chars().count() as u64 + 1;
        (findings[number].line, findings[number].column) = (line, column);
    }
}

struct Scan<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
}

/// A list or map that is open.
struct Open<'w> {
    wanted: Option<&'w Wanted>,
    is_list: bool,
    items: usize,
}

impl<'t> Scan<'t> {
    /// Walks over the whole text without recursion.
    fn all(mut self, root: &Wanted, offsets: &mut [Option<usize>]) {
        let mut open: Vec<Open<'_>> = Vec::new();
        // The place of the next value, if it is wanted.
        let mut next = Some(root);
        self.blanks();
        tell(root, self.at, offsets);
        loop {
            self.blanks();
            let Some(byte) = self.bytes.get(self.at).copied() else { return };
            match byte {
                b'{' | b'[' => {
                    open.push(Open { wanted: next.take(), is_list: byte == b'[', items: 0 });
                    self.at += 1;
                    next = self.item(open.last_mut(), offsets);
                }
                b'}' | b']' => {
                    open.pop();
                    self.at += 1;
                }
                b',' => {
                    self.at += 1;
                    next = self.item(open.last_mut(), offsets);
                }
                b'"' => {
                    let name = self.string();
                    let in_map = open.last().is_some_and(|open| !open.is_list);
                    if in_map && self.is_name() {
                        let wanted = open.last().and_then(|open| open.wanted);
                        let name_at = self.at - name.len();
                        next = wanted.filter(|wanted| !wanted.inside.is_empty()).and_then(|wanted| {
                            let name: String =
                                updraft_protocol::Value::parse(name).ok()?.as_str()?.to_owned();
                            wanted.inside.get(&segment(&name, false))
                        });
                        if let Some(wanted) = next {
                            tell(wanted, name_at, offsets);
                        }
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// The place of the next item, if a list is open and it is wanted.
    fn item<'w>(&mut self, open: Option<&mut Open<'w>>, offsets: &mut [Option<usize>]) -> Option<&'w Wanted> {
        let open = open.filter(|open| open.is_list)?;
        let number = open.items;
        open.items += 1;
        self.blanks();
        let wanted = open.wanted?.inside.get(&format!("[{number}]"))?;
        tell(wanted, self.at, offsets);
        Some(wanted)
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// The string that begins here, with its quotes.
    fn string(&mut self) -> &'t str {
        let from = self.at;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Whether what stood here last is the name of a property.
    fn is_name(&self) -> bool {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }
}

/// All findings at a place and inside of it begin there, until their own place is found.
fn tell(wanted: &Wanted, at: usize, offsets: &mut [Option<usize>]) {
    let mut open = vec![wanted];
    while let Some(wanted) = open.pop() {
        for number in &wanted.here {
            offsets[*number] = Some(at);
        }
        open.extend(wanted.inside.values());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    fn places(text: &str, paths: &[&str]) -> Vec<(u64, u64)> {
        let mut findings: Vec<CacaoFinding> =
            paths.iter().map(|path| CacaoFinding::new(Rule::Json, "", *path, "x")).collect();
        locate(text, &mut findings);
        findings.iter().map(|finding| (finding.line, finding.column)).collect()
    }

    #[test]
    fn a_finding_has_the_place_of_its_path_or_of_the_nearest_part_that_is_there() {
        let text = "{\n  \"a\": [1, {\"b-\\\"c\": \"ü, {\"}, [\n 3, 4]],\n  \"ü\": 1, \"d\": {}\n}";
        let paths = [
            "",
            "a",
            "a[1]",
            "a[1][\"b-\\\"c\"]",
            "a[2][1]",
            "[\"ü\"]",
            "d",
            "d.missing",
            "a[9]",
            "nowhere.x",
        ];
        assert_eq!(
            places(text, &paths),
            [(1, 1), (2, 3), (2, 12), (2, 13), (3, 5), (4, 3), (4, 11), (4, 11), (2, 3), (1, 1)]
        );
    }
}
