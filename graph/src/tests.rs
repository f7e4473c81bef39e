//! What must hold of every picture, whatever the playbook.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use updraft_protocol::Playbook;

use crate::diagram::Diagram;
use crate::layout::scene;
use crate::scene::{Card, Mark, Rect, Scene};
use crate::{Colours, Ruling};

/// What one step of a random playbook is.
#[derive(Debug, Clone)]
enum Kind {
    Action { handlers: Vec<Body> },
    If(Body, Option<Body>),
    Switch(Vec<Body>),
    Parallel(Vec<Body>),
    Loop(Body),
    Finally(Body, Body),
    Approval(Vec<Body>),
    End,
    Fail,
    Delay,
}

/// Steps, ways between them by their numbers, and what catches their failures.
#[derive(Debug, Clone)]
struct Body {
    steps: Vec<Kind>,
    jumps: Vec<(usize, usize, u8)>,
    catch: Option<Box<Body>>,
}

fn body() -> impl Strategy<Value = Body> {
    let leaf = prop_oneof![
        6 => Just(Kind::Action { handlers: vec![] }),
        1 => Just(Kind::End),
        1 => Just(Kind::Fail),
        1 => Just(Kind::Delay),
    ];
    let jumps = || prop::collection::vec((0usize..9, 0usize..9, 0u8..4), 0..4);
    let flat = (prop::collection::vec(leaf, 1..5), jumps()).prop_map(|(steps, jumps)| Body {
        steps,
        jumps,
        catch: None,
    });
    flat.prop_recursive(3, 40, 4, move |inner| {
        let bodies = || prop::collection::vec(inner.clone(), 1..4);
        let kind = prop_oneof![
            3 => Just(Kind::Action { handlers: vec![] }),
            2 => prop::collection::vec(inner.clone(), 1..3).prop_map(|handlers| Kind::Action { handlers }),
            2 => (inner.clone(), prop::option::of(inner.clone())).prop_map(|(then, other)| Kind::If(then, other)),
            1 => bodies().prop_map(Kind::Switch),
            1 => bodies().prop_map(Kind::Parallel),
            1 => inner.clone().prop_map(Kind::Loop),
            1 => (inner.clone(), inner.clone()).prop_map(|(body, last)| Kind::Finally(body, last)),
            1 => bodies().prop_map(Kind::Approval),
        ];
        let catch = prop::option::weighted(0.2, inner.clone().prop_map(Box::new));
        (prop::collection::vec(kind, 1..6), jumps(), catch)
            .prop_map(|(steps, jumps, catch)| Body { steps, jumps, catch })
    })
}

/// Writes random playbooks: the ids are numbers in order.
#[derive(Default)]
struct Writer {
    steps: usize,
}

impl Writer {
    fn list(&mut self, body: &Body) -> Value {
        let ids: Vec<String> = body.steps.iter().map(|_| self.id()).collect();
        let mut steps: Vec<Value> =
            body.steps.iter().zip(&ids).map(|(kind, id)| self.step(kind, id)).collect();
        for (from, to, field) in &body.jumps {
            let (Some(step), Some(to)) = (steps.get_mut(*from), ids.get(*to)) else { continue };
            let may = step.get("action").is_some();
            let field = ["next", "on_failure", "on_timeout", "on_unknown"][usize::from(*field)];
            if may && step.get(field).is_none() {
                step[field] = json!(to);
            }
        }
        Value::Array(steps)
    }

    fn body(&mut self, body: &Body) -> Value {
        let list = self.list(body);
        match &body.catch {
            None => list,
            Some(catch) => json!({"do": list, "catch": self.body(catch)}),
        }
    }

    fn id(&mut self) -> String {
        self.steps += 1;
        format!("s{}", self.steps)
    }

    fn step(&mut self, kind: &Kind, id: &str) -> Value {
        let map = |bodies: &[Body], writer: &mut Self| -> Value {
            let named = bodies.iter().enumerate().map(|(at, body)| (format!("b{at}"), writer.body(body)));
            Value::Object(named.collect())
        };
        let mut step = match kind {
            Kind::Action { handlers } => {
                let mut step = json!({"action": "http.request", "description": "Asks <all> & \"sundry\" things at once, as long as that takes."});
                for (field, body) in ["on_failure", "on_timeout", "on_unknown"].iter().zip(handlers) {
                    step[*field] = self.body(body);
                }
                step
            }
            Kind::If(then, other) => {
                let mut step = json!({"if": "input.a > 1", "then": self.body(then)});
                if let Some(other) = other {
                    step["else"] = self.body(other);
                }
                step
            }
            Kind::Switch(bodies) => {
                let cases: Vec<Value> =
                    bodies.iter().map(|body| json!({"is": 1, "do": self.body(body)})).collect();
                json!({"switch": "input.a", "cases": cases})
            }
            Kind::Parallel(bodies) => json!({"parallel": "all", "branches": map(bodies, self)}),
            Kind::Loop(body) => json!({"for_each": "input.list", "do": self.body(body)}),
            Kind::Finally(body, last) => json!({"do": self.list(body), "finally": self.list(last)}),
            Kind::Approval(bodies) => {
                json!({"approval": "May it?", "choices": map(bodies, self), "on_open": [{"id": self.id(), "delay": "1s"}]})
            }
            Kind::End => json!({"end": null}),
            Kind::Fail => json!({"fail": "no"}),
            Kind::Delay => json!({"delay": "1s"}),
        };
        step["id"] = json!(id);
        step
    }
}

fn playbook(body: &Body) -> (Playbook, usize) {
    let mut writer = Writer::default();
    let mut written = json!({"format": 1, "name": "random", "version": 1, "steps": writer.list(body)});
    if let Some(catch) = &body.catch {
        written["catch"] = writer.body(catch);
    }
    let playbook = Playbook::parse(written.to_string().as_bytes());
    (playbook.unwrap_or_else(|error| panic!("{error}: {written}")), writer.steps)
}

fn cards(scene: &Scene) -> Vec<&Card> {
    let cards = scene.marks.iter().filter_map(|mark| match mark {
        Mark::Card(card) => Some(&**card),
        _ => None,
    });
    cards.collect()
}

fn frames(scene: &Scene) -> Vec<Rect> {
    let frames = scene.marks.iter().filter_map(|mark| match mark {
        Mark::Frame(frame) => Some(frame.rect),
        _ => None,
    });
    frames.collect()
}

fn apart(a: &Rect, b: &Rect) -> bool {
    a.right() <= b.x || b.right() <= a.x || a.bottom() <= b.y || b.bottom() <= a.y
}

fn inside(a: &Rect, b: &Rect) -> bool {
    b.x <= a.x && a.right() <= b.right() && b.y <= a.y && a.bottom() <= b.bottom()
}

/// Whether a line passes through a card, other than along or up to its edge.
fn through(points: &[(f64, f64)], rect: &Rect) -> bool {
    points.windows(2).any(|pair| {
        let [(x1, y1), (x2, y2)] = pair else { return false };
        let (left, right) = (x1.min(*x2), x1.max(*x2));
        let (top, bottom) = (y1.min(*y2), y1.max(*y2));
        left < rect.right() - 1.0
            && rect.x + 1.0 < right.max(left + 0.01)
            && top < rect.bottom() - 1.0
            && rect.y + 1.0 < bottom.max(top + 0.01)
    })
}

fn check(scene: &Scene, steps: usize) -> Result<(), TestCaseError> {
    let cards = cards(scene);
    let mut drawn: BTreeMap<&str, usize> = BTreeMap::new();
    cards.iter().for_each(|card| *drawn.entry(&card.id).or_default() += 1);
    prop_assert!(drawn.values().all(|count| *count == 1), "{drawn:?}");
    prop_assert_eq!(cards.len(), steps);
    let frames = frames(scene);
    for (at, card) in cards.iter().enumerate() {
        for other in &cards[..at] {
            prop_assert!(apart(&card.rect, &other.rect), "{} lies on {}", card.id, other.id);
        }
        for frame in &frames {
            prop_assert!(
                apart(&card.rect, frame) || inside(&card.rect, frame),
                "{} is half in a body",
                card.id
            );
        }
        prop_assert!(
            card.rect.x >= 0.0
                && card.rect.y >= 0.0
                && card.rect.right() <= scene.width
                && card.rect.bottom() <= scene.height
        );
    }
    for (at, frame) in frames.iter().enumerate() {
        for other in &frames[..at] {
            prop_assert!(
                apart(frame, other) || inside(frame, other) || inside(other, frame),
                "bodies overlap"
            );
        }
    }
    for mark in &scene.marks {
        let Mark::Way(way) = mark else { continue };
        for &(x, y) in &way.points {
            prop_assert!(
                x >= 0.0 && y >= 0.0 && x <= scene.width && y <= scene.height,
                "a way leaves the picture"
            );
        }
        for card in &cards {
            prop_assert!(
                !through(&way.points, &card.rect),
                "a way passes through {}: {:?} {:?}",
                card.id,
                way.points,
                card.rect
            );
        }
        if way.arrow {
            let end = way.points.last().copied().unwrap_or_default();
            let led: Vec<&Rect> = cards.iter().map(|card| &card.rect).chain(&frames).collect();
            let pills = scene.marks.iter().filter_map(|mark| match mark {
                Mark::Pill { rect, .. } => Some(rect),
                _ => None,
            });
            let ends = |rect: &Rect| (end.1 - rect.y).abs() < 0.2 && rect.x <= end.0 && end.0 <= rect.right();
            let on = led.into_iter().chain(pills).any(ends);
            // Parts of several columns are entered above their first step.
            let goes_on = scene.marks.iter().any(|mark| matches!(mark, Mark::Way(next) if next.points.first().is_some_and(|start| (start.0 - end.0).abs() < 0.2 && (start.1 - end.1).abs() < 0.2)));
            prop_assert!(on || goes_on, "an arrow leads to nothing: {:?}", way.points);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_step_is_drawn_once_and_nothing_lies_on_it(body in body()) {
        let (playbook, _) = playbook(&body);
        let finallies = playbook.walk().iter().filter(|walked| walked.step.id.is_none()).count();
        let diagram = Diagram::of(&playbook).unwrap();
        let scene = scene(&diagram);
        check(&scene, playbook.walk().len() - finallies)?;
        let svg = diagram.svg(Colours::Preferred).unwrap();
        prop_assert_eq!(&svg, &Diagram::of(&playbook).unwrap().svg(Colours::Preferred).unwrap(), "it is the same each time");
        roxmltree::Document::parse(&svg).map_err(|error| TestCaseError::fail(error.to_string()))?;
    }

    #[test]
    fn the_text_has_every_step_and_no_line_too_wide(body in body(), columns in 40usize..200) {
        let (playbook, _) = playbook(&body);
        let diagram = Diagram::of(&playbook).unwrap();
        let lines: Vec<String> = diagram.text(columns, Ruling::Ascii).iter().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect();
        let widest = lines.iter().map(String::len).max().unwrap_or_default();
        prop_assert!(widest <= columns, "{widest} columns");
        prop_assert!(lines.iter().all(|line| line.is_ascii()));
        let told = lines.iter().filter(|line| line.contains(" s") || line.contains("* ")).count();
        prop_assert!(told > 0);
    }
}
