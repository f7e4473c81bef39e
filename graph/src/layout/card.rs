//! Cards: the lines that a step shows, and how large that makes it. Places them inside of the card alone.

use crate::diagram::Step;
use crate::layout::block::Block;
use crate::scene::{Card, CardLine, Look, Mark, Rect, Style};
use crate::words::{Weight, lines};

/// The width of every card: columns of them align.
pub(crate) const CARD: f64 = 272.0;
/// Where the texts of a card begin, behind its sign.
pub(crate) const TEXT: f64 = 48.0;
/// The distance of texts from the right edge.
const EDGE: f64 = 14.0;
/// The distance of the ports of other exits from each other.
const PORT: f64 = 26.0;

/// The size of a style, its height as a line, and its weight.
pub(crate) const fn measure(style: Style) -> (f64, f64, Weight) {
    match style {
        Style::Title => (20.0, 28.0, Weight::Bold),
        Style::Name => (13.0, 18.0, Weight::Bold),
        Style::Detail | Style::Description | Style::Wrong => (11.5, 16.0, Weight::Regular),
        Style::State => (11.5, 16.0, Weight::Bold),
    }
}

/// The card of a step, with so many ports for its other exits.
pub(crate) fn card(step: &Step, ports: usize) -> Block {
    let look = step.state.as_ref().map(|state| Look::of(state.status));
    let mut y = 10.0;
    let mut shown = Vec::new();
    let mut write = |text: &str, style: Style, most: usize| {
        let (size, line, weight) = measure(style);
        // The mark of the status stands right of the name.
        let mark = if style == Style::Name && look.is_some() { 22.0 } else { 0.0 };
        for text in lines(text, size, weight, CARD - TEXT - EDGE - mark, most) {
            shown.push(CardLine { y: y + line * 0.72, text, style });
            y += line;
        }
    };
    write(&step.title, Style::Name, 2);
    write(&step.detail, Style::Detail, 2);
    write(&step.description, Style::Description, 2);
    for note in &step.notes {
        write(&note.text, if note.is_wrong { Style::Wrong } else { Style::Detail }, 1);
    }
    if let Some(state) = &step.state {
        write(&state.words, Style::State, 2);
        let is_wrong = matches!(look, Some(Look::Failed | Look::Unknown));
        write(&state.why, if is_wrong { Style::Wrong } else { Style::Detail }, 2);
    }
    let height = f64::max(y + 8.0, 46.0);
    let rect = Rect { x: 0.0, y: 0.0, width: CARD, height };
    let drawn = Card { rect, id: step.id.clone(), kind: step.kind, lines: shown, tip: step.tip(), look };
    let exit = (step.goes_on || step.to_next).then_some(CARD / 2.0);
    let ports = (0..ports).map(|port| f64::min(CARD / 2.0 + PORT * (port + 1) as f64, CARD - 8.0));
    Block {
        width: CARD,
        height,
        entry: CARD / 2.0,
        exit,
        ports: ports.collect(),
        marks: vec![Mark::Card(Box::new(drawn))],
    }
}

impl Step {
    /// All that is said of a step.
    pub(crate) fn tip(&self) -> String {
        let id =
            if self.id.is_empty() { String::new() } else { format!("{} ({})", self.id, self.kind.name()) };
        let title = if self.title == self.id { String::new() } else { self.title.clone() };
        let mut all = vec![title, id, self.detail.clone(), self.description.clone()];
        all.extend(self.notes.iter().map(|note| note.text.clone()));
        all.extend(self.state.iter().flat_map(|state| [state.words.clone(), state.why.clone()]));
        all.retain(|text| !text.is_empty());
        all.join("\n")
    }
}
