//! Text: the picture for a terminal, a line for each step below the lines of what it is inside of. Owns its signs and
//! indents; knows no colour but by its purpose, and writes nowhere.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use updraft_protocol::limits::GRAPH_TEXT_COLUMNS;

use crate::diagram::{Branch, Diagram, Face, Group, Kind, Step};
use crate::scene::Look;

/// What lines and signs are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ruling {
    /// The characters for boxes.
    #[default]
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// What a piece of text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A text as others.
    Plain,
    /// A name.
    Name,
    /// A line, or what is less important.
    Faint,
    /// What went well.
    Good,
    /// What went wrong.
    Bad,
    /// What is under way, or waits.
    Waiting,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text: nothing in it is obeyed by a terminal.
    pub text: String,
    /// What it is for.
    pub paint: Paint,
}

/// The fewest columns that a picture has.
const LEAST: usize = 24;

impl Diagram {
    /// The picture as lines of text, so many columns wide.
    pub fn text(&self, columns: usize, ruling: Ruling) -> Vec<Vec<Piece>> {
        let columns = columns.clamp(LEAST, GRAPH_TEXT_COLUMNS);
        let mut page = Page { columns, ruling, lines: Vec::new() };
        let status = self.status.map(|status| (format!("  {status}"), Paint::Plain));
        page.line("", [(self.title.clone(), Paint::Name)].into_iter().chain(status));
        for head in self.told().iter().chain([&self.description]).filter(|text| !text.is_empty()) {
            page.line("", [(head.clone(), Paint::Faint)]);
        }
        page.line("", []);
        page.group(&self.main, "");
        page.lines
    }
}

struct Page {
    columns: usize,
    ruling: Ruling,
    lines: Vec<Vec<Piece>>,
}

impl Page {
    /// The lines of a group, each behind what stands left of it.
    fn group(&mut self, group: &Group, before: &str) {
        for (at, step) in group.steps.iter().enumerate() {
            let mut ways: Vec<(String, Option<&Branch>)> = Vec::new();
            for jump in group.jumps.iter().filter(|jump| jump.from == at) {
                let to = group.steps.get(jump.to).map(|step| step.title.as_str()).unwrap_or_default();
                let arrow = self.pick("→", "->");
                ways.push((format!("{} {arrow} {to}", jump.label.unwrap_or("next")), None));
            }
            ways.extend(step.bodies().map(|branch| (branch.title.clone(), Some(branch))));
            self.step(step, before, !ways.is_empty());
            self.ways(ways, before);
        }
        if group.omitted > 0 {
            self.line(before, [(format!("{} steps, nested too deep", group.omitted), Paint::Faint)]);
        }
        if let Some(catch) = &group.catch {
            self.ways(vec![(catch.title.clone(), Some(catch))], before);
        }
    }

    /// The ways out of a step: titles of bodies with their steps, and the names of others.
    fn ways(&mut self, ways: Vec<(String, Option<&Branch>)>, before: &str) {
        let last = ways.len().saturating_sub(1);
        for (number, (title, branch)) in ways.into_iter().enumerate() {
            let (corner, rest) = match number == last {
                true => (self.pick("└─ ", "`- "), "   "),
                false => (self.pick("├─ ", "|- "), self.pick("│  ", "|  ")),
            };
            let steps = branch.and_then(|branch| branch.group.as_ref());
            let goes_on = match (branch, steps) {
                (Some(_), None) => ", goes on",
                _ => "",
            };
            self.line(&format!("{before}{corner}"), [(format!("{title}{goes_on}"), Paint::Faint)]);
            if let Some(group) = steps {
                self.group(group, &format!("{before}{rest}"));
            }
        }
    }

    fn step(&mut self, step: &Step, before: &str, has_ways: bool) {
        let detail = match step.face {
            Face::Mark => String::new(),
            _ => format!("  {}", step.detail),
        };
        let mut spans = vec![
            (format!("{} ", self.sign(step.kind)), Paint::Faint),
            (step.title.clone(), Paint::Name),
            (detail, Paint::Plain),
        ];
        if let Some(state) = &step.state {
            let look = Look::of(state.status);
            let paint = match look {
                Look::NotReached | Look::Stopped => Paint::Faint,
                Look::Done => Paint::Good,
                Look::Failed | Look::Unknown => Paint::Bad,
                Look::Running | Look::Waiting => Paint::Waiting,
            };
            spans.insert(1, (format!("{} ", self.mark(look)), paint));
            // How it went is read before what it does, which may be cut.
            spans.insert(3, (format!("  {}", state.words), paint));
            if !state.why.is_empty() {
                spans.push((format!("  {}", state.why), paint));
            }
        }
        self.line(before, spans);
        let rest = if has_ways { self.pick("│ ", "| ") } else { "  " };
        let further = step.notes.iter().map(|note| (note.text.as_str(), note.is_wrong));
        let further = [(step.description.as_str(), false)].into_iter().chain(further);
        for (text, is_wrong) in further.filter(|(text, _)| !text.is_empty()) {
            let paint = if is_wrong { Paint::Bad } else { Paint::Faint };
            self.line(&format!("{before}{rest}"), [(text.to_owned(), paint)]);
        }
    }

    /// Adds a line, cut at the last column.
    fn line(&mut self, before: &str, spans: impl IntoIterator<Item = (String, Paint)>) {
        let mut left = self.columns;
        let mut line = Vec::new();
        // However deep it stands, something of it is seen.
        let before = cut(before, self.columns - LEAST / 2, "");
        for (text, paint) in [(before, Paint::Faint)].into_iter().chain(spans) {
            if left == 0 || text.is_empty() {
                continue;
            }
            let text = cut(&self.spelt(&text), left, self.pick("…", "~"));
            left -= text.width().min(left);
            line.push(Piece { text, paint });
        }
        self.lines.push(line);
    }

    /// The text in the characters that there are.
    fn spelt(&self, text: &str) -> String {
        let spelt = |c: char| match c {
            c if c.is_ascii() || self.ruling == Ruling::Unicode => c,
            '·' => '-',
            '→' => '>',
            '…' => '~',
            _ => '?',
        };
        text.chars().map(spelt).collect()
    }

    fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.ruling {
            Ruling::Unicode => unicode,
            Ruling::Ascii => ascii,
        }
    }

    /// The sign of a kind of step.
    fn sign(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Action => self.pick("●", "*"),
            Kind::Parallel => self.pick("╪", "%"),
            Kind::If | Kind::Switch => self.pick("◇", "?"),
            Kind::ForEach => self.pick("≡", "#"),
            Kind::Repeat => self.pick("↻", "@"),
            Kind::Set => "=",
            Kind::Delay | Kind::WaitUntil | Kind::WaitFor => self.pick("◔", "~"),
            Kind::Approval => self.pick("☺", "!"),
            Kind::Finally => self.pick("⚑", "&"),
            Kind::SubPlaybook => self.pick("▤", ">"),
            Kind::End => self.pick("■", "."),
            Kind::Fail => self.pick("✗", "x"),
        }
    }

    /// The mark of how a step went.
    fn mark(&self, look: Look) -> &'static str {
        match look {
            Look::NotReached => self.pick("·", " "),
            Look::Running => self.pick("▶", ">"),
            Look::Waiting => self.pick("…", "w"),
            Look::Done => self.pick("✓", "+"),
            Look::Failed => self.pick("✗", "x"),
            Look::Stopped => "-",
            Look::Unknown => "?",
        }
    }
}

/// The text in so many columns; where it has more, with this at its end.
fn cut(text: &str, columns: usize, end: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(end.width());
    let fits = |c: &char| {
        let wide = c.width().unwrap_or_default();
        let fits = wide <= left;
        left = if fits { left - wide } else { 0 };
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push_str(end);
    kept
}
