//! Steps that wait: for people, signals, and instants. Owns their distribution.

use serde_json::{Value, json};

use super::{Generator, Place};
use crate::scenario::{HOSTS, SIGNALS};

/// How long steps `wait_until` wait.
pub const WAITS_UNTIL: [&str; 4] = ["10ms", "3s", "40s", "2h"];

impl Generator<'_> {
    pub(super) fn approval(&mut self, step: &mut Value, place: &mut Place) {
        step["approval"] = json!("{{ input.n }} hosts?");
        step["timeout"] = json!(self.wait(place, &["200ms", "20s", "3h"]));
        if place.depth > 0 && self.dice.one_in(2) {
            self.beside(step, place);
        }
        step["quorum"] = json!(self.dice.small(1, 2));
        match self.dice.below(3) {
            0 => step["assignees"] = json!(["ana", "ben"]),
            1 => step["group"] = json!("leads"),
            _ => {}
        }
        if self.dice.one_in(2) {
            step["choices"] = json!({ "approve": "continue", "later": [] });
        }
        if self.dice.one_in(3) {
            step["form"] = json!({
                "type": "object",
                "required": ["hosts"],
                "properties": {
                    "hosts": { "type": "integer", "maximum": HOSTS },
                    "why": { "type": "string", "default": "none" },
                },
            });
        }
        self.handle(step, &["on_failure", "on_timeout"], place);
    }

    /// Writes a wait for an instant: one that comes, one that has passed, or a value that is none.
    pub(super) fn wait_until(&mut self, step: &mut Value, place: &mut Place) {
        let span = self.wait(place, &WAITS_UNTIL);
        step["wait_until"] = match self.dice.below(8) {
            0 => json!("{{ input.n }}"),
            1 => json!("2001-01-01T00:00:00Z"),
            _ => json!(format!("{{{{ now|date_add('{span}') }}}}")),
        };
        self.handle(step, &["on_failure"], place);
    }

    pub(super) fn wait_for(&mut self, step: &mut Value, place: &mut Place) {
        step["wait_for"] = json!(self.dice.pick(&SIGNALS));
        step["timeout"] = json!(self.wait(place, &["200ms", "20s", "3h"]));
        if self.dice.one_in(3) {
            step["key"] = json!("{{ input.n }}");
        }
        self.handle(step, &["on_failure", "on_timeout"], place);
    }

    /// Writes bodies beside the wait of an approval. What they run cannot be read after it.
    fn beside(&mut self, step: &mut Value, place: &Place) {
        let (every, after) = match step["timeout"].as_str() {
            Some("200ms") => ("50ms", "100ms"),
            Some("20s") => ("3s", "8s"),
            _ => ("30m", "1h"),
        };
        for (field, time) in [
            ("on_open", None),
            ("on_reminder", Some(("every", every))),
            ("on_escalation", Some(("after", after))),
        ] {
            let counter = format!("count_{}_{field}", step["id"].as_str().unwrap_or_default());
            let mut inside = Place { depth: place.depth - 1, repeats: true, counter, ..place.inside() };
            inside.length = inside.length.clamp(1, 2);
            let mut steps = if self.dice.one_in(2) { self.list(&mut inside).steps } else { Vec::new() };
            let Some(first) = steps.first_mut() else { continue };
            if first.get("arguments").is_some() {
                first["arguments"]["asks"] = json!("{{ approval.id }}");
            }
            step[field] = match time {
                None => json!(steps),
                Some((name, time)) => json!({ name: time, "do": steps }),
            };
        }
    }
}
