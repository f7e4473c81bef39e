//! The scene: cards, frames, lines and texts, each with its place. What layout gives and writers write; decides no place.

use updraft_protocol::TaskStatus;

use crate::diagram::Kind;

/// A point, from the left and from the top.
pub(crate) type Point = (f64, f64);

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// All that is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) marks: Vec<Mark>,
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    /// A step.
    Card(Box<Card>),
    /// A body.
    Frame(Frame),
    /// A way.
    Way(Way),
    /// A word on a way, centred at its point.
    Label { at: Point, text: String, tip: String, role: Role },
    /// A start or an end.
    Pill { rect: Rect, text: String, tip: String },
    /// A line of text that begins at this point.
    Text { at: Point, text: String, style: Style },
    /// The status of the execution.
    Status { at: Point, text: String, look: Look },
}

/// A step with its lines.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Card {
    pub(crate) rect: Rect,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// Its lines, each with its distance from the top.
    pub(crate) lines: Vec<CardLine>,
    /// All that is said of it, uncut.
    pub(crate) tip: String,
    /// How it went.
    pub(crate) look: Option<Look>,
}

/// A line of a card.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CardLine {
    pub(crate) y: f64,
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// A body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) rect: Rect,
    pub(crate) title: String,
    pub(crate) tip: String,
    pub(crate) role: Role,
}

/// A line from point to point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    pub(crate) points: Vec<Point>,
    pub(crate) role: Role,
    /// Whether it has an arrow at its end.
    pub(crate) arrow: bool,
}

/// What a way or a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The usual way.
    Flow,
    /// After another exit, or beside the step.
    Handler,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The name of the picture.
    Title,
    /// An id.
    Name,
    /// What a step does.
    Detail,
    /// What its author says.
    Description,
    /// A mistake, or why something failed.
    Wrong,
    /// How a step went.
    State,
}

/// How something went, as far as it is told by colour and mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    NotReached,
    Running,
    Waiting,
    Done,
    Failed,
    Stopped,
    Unknown,
}

impl Look {
    /// How a task of this status looks; none is a step that was not reached.
    pub(crate) const fn of(status: Option<TaskStatus>) -> Self {
        match status {
            None => Self::NotReached,
            Some(TaskStatus::Executing) => Self::Running,
            Some(TaskStatus::Retrying | TaskStatus::Waiting) => Self::Waiting,
            Some(TaskStatus::Completed) => Self::Done,
            Some(TaskStatus::Failed) => Self::Failed,
            Some(TaskStatus::Cancelled) => Self::Stopped,
            Some(TaskStatus::Unknown) => Self::Unknown,
        }
    }

    /// The class that its colour has.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::NotReached => "none",
            Self::Running => "run",
            Self::Waiting => "wait",
            Self::Done => "done",
            Self::Failed => "bad",
            Self::Stopped => "stop",
            Self::Unknown => "unk",
        }
    }
}

impl Rect {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    #[cfg(test)]
    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    fn shift(&mut self, x: f64, y: f64) {
        self.x += x;
        self.y += y;
    }
}

impl Mark {
    /// Moves it.
    pub(crate) fn shift(&mut self, x: f64, y: f64) {
        match self {
            Self::Card(card) => card.rect.shift(x, y),
            Self::Frame(frame) => frame.rect.shift(x, y),
            Self::Way(way) => way.points.iter_mut().for_each(|point| *point = (point.0 + x, point.1 + y)),
            Self::Pill { rect, .. } => rect.shift(x, y),
            Self::Label { at, .. } | Self::Text { at, .. } | Self::Status { at, .. } => {
                *at = (at.0 + x, at.1 + y);
            }
        }
    }
}
