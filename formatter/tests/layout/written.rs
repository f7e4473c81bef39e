//! Texts as people write them: any value, each part in one of its spellings, with comments and odd spacing in any place.

use proptest::prelude::*;
use proptest::sample::select;

/// A value to be written.
#[derive(Debug, Clone)]
pub(crate) enum Written {
    /// In one line.
    Scalar(&'static str),
    /// After `|` or `>`, with what is said of its end.
    Text(&'static str, Vec<&'static str>),
    List(Vec<Written>),
    Map(Vec<Written>),
    /// The same between brackets.
    FlowList(Vec<Written>),
    FlowMap(Vec<Written>),
}

const SCALARS: [&str; 21] = [
    "1",
    "1.10",
    "-0",
    "1e400",
    "123456789012345678901234567890",
    "true",
    "null",
    "text",
    "two words",
    "a#b",
    "'it''s'",
    "'# no'",
    "\"{{ x }}\"",
    "\"\\u00e9 \\\" \\\\ \"",
    "\"- a: b\"",
    "''",
    "http://x/y?z=1",
    "-x",
    "ü🦀",
    "'2020-01-01'",
    "\"a long text, so that what stands between brackets has no room in its line\"",
];

const LINES: [&str; 8] = ["x", "  deeper", "", "# no comment", "trailing  ", "- a: b", "{{ y }}", "\ttab"];

/// The fields of a map.
pub(crate) fn written() -> impl Strategy<Value = Vec<Written>> {
    let text =
        (select(&["|", "|-", "|+", ">", ">-", ">+"][..]), prop::collection::vec(select(&LINES[..]), 0..5));
    let flow = select(&SCALARS[..]).prop_map(Written::Scalar).prop_recursive(3, 12, 4, |inner| {
        let some = prop::collection::vec(inner, 0..4);
        prop_oneof![some.clone().prop_map(Written::FlowList), some.prop_map(Written::FlowMap)]
    });
    let leaf = prop_oneof![
        3 => select(&SCALARS[..]).prop_map(Written::Scalar),
        1 => text.prop_map(|(style, lines)| Written::Text(style, lines)),
        2 => flow,
    ];
    let node = leaf.prop_recursive(4, 40, 5, |inner| {
        let some = prop::collection::vec(inner, 1..5);
        prop_oneof![some.clone().prop_map(Written::List), some.prop_map(Written::Map)]
    });
    prop::collection::vec(node, 1..6)
}

/// What decides between spellings.
pub(crate) struct Noise {
    bytes: Vec<u8>,
    comments: usize,
}

impl Noise {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, comments: 0 }
    }

    /// A number below `most`; 0 when nothing is left to decide.
    fn below(&mut self, most: u8) -> usize {
        usize::from(self.bytes.pop().unwrap_or_default() % most)
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("#c{}", self.comments)
    }

    /// The end of a line: perhaps a comment, then perhaps lines that say nothing.
    fn line_end(&mut self, indent: usize) -> String {
        let mut end = " ".repeat(self.below(3));
        if self.below(4) == 3 {
            end += &format!("  {}", self.comment());
        }
        end += if self.below(8) == 7 { "\r\n" } else { "\n" };
        while self.below(5) == 4 {
            end += &match self.below(3) {
                0 => " ".repeat(self.below(4)) + "\n",
                1 => " ".repeat(indent) + &self.comment() + "\n",
                _ => " ".repeat(self.below(9)) + &self.comment() + " \n",
            };
        }
        end
    }

    /// Space between brackets.
    fn flow_space(&mut self) -> String {
        match self.below(12) {
            11 => format!(" {}\n      ", self.comment()),
            10 => "\n       ".to_owned(),
            some => " ".repeat(some % 3),
        }
    }
}

/// The text of a map.
pub(crate) fn spelled(root: &Written, noise: &mut Noise) -> String {
    let mut text = noise.line_end(0).trim_start_matches(' ').to_owned();
    block(root, 0, noise, &mut text);
    text
}

/// The lines of a list or a map, whose entries are indented by so much.
fn block(node: &Written, indent: usize, noise: &mut Noise, text: &mut String) {
    let (Written::List(entries) | Written::Map(entries)) = node else { return };
    let pad = " ".repeat(indent);
    for (at, entry) in entries.iter().enumerate() {
        *text += &pad;
        let is_map = matches!(node, Written::Map(_));
        if is_map {
            let name = ["n", "'q", "\"d"][noise.below(3)];
            let close =
                name.chars().next().filter(|quote| *quote != 'n').map(String::from).unwrap_or_default();
            *text += &format!("{name}{at}{close}{}:", " ".repeat(noise.below(2)));
        } else {
            text.push('-');
        }
        value(entry, indent, is_map, noise, text);
    }
}

/// A value behind its name or dash.
fn value(node: &Written, indent: usize, is_map: bool, noise: &mut Noise, text: &mut String) {
    match node {
        Written::List(_) | Written::Map(_) => {
            // Items may stand below the name of their list itself.
            let least = usize::from(!(is_map && matches!(node, Written::List(_))));
            let inside = indent + least.max(noise.below(5));
            *text += &noise.line_end(inside);
            block(node, inside, noise, text);
        }
        Written::Text(style, lines) => {
            let inside = 1 + noise.below(4);
            // A first line that begins with blanks, or none but empty ones, needs it said how deep it is indented.
            let said = lines.first().is_none_or(|line| line.is_empty() || line.starts_with([' ', '\t']));
            let mark = if said || noise.below(4) == 3 { inside.to_string() } else { String::new() };
            *text += &format!(" {style}{mark}");
            if noise.below(4) == 3 {
                *text += &format!(" {}", noise.comment());
            }
            text.push('\n');
            for line in lines {
                let pad = if line.is_empty() { 0 } else { indent + inside };
                *text += &(" ".repeat(pad) + line + "\n");
            }
        }
        Written::Scalar(_) | Written::FlowList(_) | Written::FlowMap(_) => {
            if is_map && noise.below(6) == 5 {
                *text += &noise.line_end(indent + 1);
                *text += &" ".repeat(indent);
            }
            text.push(' ');
            flow(node, noise, text);
            *text += &noise.line_end(indent);
        }
    }
}

/// A value between brackets, or a scalar.
fn flow(node: &Written, noise: &mut Noise, text: &mut String) {
    let (open, close, entries) = match node {
        Written::Scalar(spelled) => return text.push_str(spelled),
        Written::FlowList(entries) => ('[', ']', entries),
        Written::FlowMap(entries) => ('{', '}', entries),
        Written::Text(..) | Written::List(_) | Written::Map(_) => return,
    };
    text.push(open);
    for (at, entry) in entries.iter().enumerate() {
        *text += &noise.flow_space();
        if open == '{' {
            *text += &format!("k{at}: ");
        }
        flow(entry, noise, text);
        *text += &noise.flow_space();
        if at + 1 < entries.len() || noise.below(4) == 3 {
            text.push(',');
        }
    }
    *text += &noise.flow_space();
    text.push(close);
}
