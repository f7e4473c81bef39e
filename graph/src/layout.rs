//! Layout: from a diagram to its scene. Owns the head of the picture; how its parts are placed is said in their files.

mod block;
mod card;
mod columns;
mod dagre;
mod flow;
mod layered;
mod step;
mod straight;
mod tracks;

pub(crate) use card::{TEXT, measure};

use crate::diagram::{Branch, Diagram};
use crate::scene::{Look, Mark, Role, Scene, Style};
use crate::words::{Weight, lines};
use block::Block;
use columns::Part;
use flow::Line;
use updraft_protocol::ExecutionStatus;

/// Around the picture.
const MARGIN: f64 = 28.0;
/// The least width of the head.
const HEAD: f64 = 420.0;

/// The scene of a diagram.
pub(crate) fn scene(diagram: &Diagram) -> Scene {
    let main = match diagram.main.catch {
        // What is caught leads out of a frame.
        Some(_) => {
            let main = Branch {
                title: "steps".to_owned(),
                group: Some(diagram.main.clone()),
                goes_on: diagram.main.goes_on(),
            };
            let part = |block, leads_on| Part { block, leads_on };
            let steps = step::body(&main, Role::Flow);
            let mut parts = Vec::new();
            parts.extend((!diagram.has_start).then(|| part(flow::pill("start", "start"), true)));
            parts.push(part(steps, main.goes_on));
            parts.extend(main.goes_on.then(|| part(flow::pill("end", "end"), false)));
            columns::columns(parts, true)
        }
        None => flow::flow(&diagram.main, Line::Main { has_start: diagram.has_start }),
    };
    let mut whole = Block::default();
    let wide = f64::max(main.width, HEAD);
    let mut y = MARGIN;
    let mut write = |whole: &mut Block, text: &str, style: Style, most: usize| {
        let (size, line, weight) = measure(style);
        for text in lines(text, size, weight, wide, most) {
            y += line;
            whole.marks.push(Mark::Text { at: (MARGIN, y - line * 0.28), text, style });
        }
    };
    write(&mut whole, &diagram.title, Style::Title, 1);
    for head in diagram.told() {
        write(&mut whole, &head, Style::Detail, 2);
    }
    write(&mut whole, &diagram.description, Style::Description, 4);
    if let Some(status) = diagram.status {
        let shown = lines(&diagram.title, 20.0, Weight::Bold, wide, 1).pop().unwrap_or_default();
        let x = MARGIN + crate::words::width(&shown, 20.0, Weight::Bold) + 14.0;
        whole.marks.push(Mark::Status {
            at: (x, MARGIN + 14.0),
            text: status.to_string(),
            look: look(status),
        });
    }
    let top = y + 22.0;
    let left = f64::max(MARGIN, MARGIN + (HEAD - main.width) / 2.0);
    whole.put(main, left, top);
    Scene {
        width: f64::max(whole.width, MARGIN + wide) + MARGIN,
        height: whole.height + MARGIN,
        marks: whole.marks,
    }
}

/// How an execution of this status looks.
fn look(status: ExecutionStatus) -> Look {
    match status {
        ExecutionStatus::Executing => Look::Running,
        ExecutionStatus::Queued | ExecutionStatus::Paused => Look::Waiting,
        ExecutionStatus::Completed => Look::Done,
        ExecutionStatus::Failed => Look::Failed,
        ExecutionStatus::Cancelled | ExecutionStatus::TimedOut => Look::Stopped,
    }
}
