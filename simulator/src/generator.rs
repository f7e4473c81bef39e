//! The generator: random playbooks of the whole language. Owns their distribution; a new kind of step is added here.
//! Every text that reads another step reads one that can have ended before it, as the plan requires.

use serde_json::{Value, json};

use crate::chance::Dice;

/// Steps after which a playbook is ended as soon as possible.
const STEPS: usize = 36;

/// Writes one playbook.
pub struct Generator {
    dice: Dice,
    steps: Vec<Value>,
}

/// The state of a path while it is written.
#[derive(Clone)]
struct Place {
    /// The number of steps that may still follow.
    length: u64,
    /// How many more `parallel` steps may be nested.
    depth: u64,
    /// Steps that can have ended before on this path.
    before: Vec<String>,
    /// The step at which this path may meet another.
    rejoin: Option<String>,
}

impl Place {
    fn after(&self, step: &str) -> Self {
        let mut place = Self { length: self.length.saturating_sub(1), ..self.clone() };
        place.before.push(step.to_owned());
        place
    }

    fn shorter(self) -> Self {
        Self { length: self.length / 2, ..self }
    }
}

impl Generator {
    /// A playbook whose longest path has about `length` steps.
    pub fn write(dice: Dice, length: u64) -> Value {
        let mut generator = Self { dice, steps: Vec::new() };
        let place = Place { length: length.max(1), depth: 2, before: Vec::new(), rejoin: None };
        generator.path(&place);
        let mut playbook = json!({ "format": 1, "name": "p", "version": 1, "steps": generator.steps });
        if generator.dice.one_in(3) {
            playbook["tasks_at_once"] = json!(generator.dice.small(1, 4));
        }
        if generator.dice.one_in(5) {
            playbook["timeout"] = json!(generator.dice.pick(&["200ms", "20s", "90s", "3h"]));
        }
        playbook
    }

    /// Writes a path; returns its first step.
    fn path(&mut self, place: &Place) -> Option<String> {
        if place.length == 0 || self.steps.len() > STEPS {
            return place.rejoin.clone().filter(|_| self.dice.one_in(2));
        }
        let index = self.steps.len();
        let id = format!("s{index}");
        self.steps.push(Value::Null);
        let mut step = json!({ "id": id });
        match self.dice.below(if place.depth == 0 { 9 } else { 12 }) {
            0..=4 => self.action(&mut step, &id, place),
            5 | 6 => {
                step["type"] = json!("delay");
                step["duration"] = json!(self.dice.pick(&["10ms", "3s", "40s", "2h"]));
                self.link(&mut step, "on_success", place.after(&id));
            }
            7 => self.choice(&mut step, &id, place),
            8 => self.end(&mut step, place),
            _ => self.parallel(&mut step, &id, place),
        }
        self.steps[index] = step;
        Some(id)
    }

    fn action(&mut self, step: &mut Value, id: &str, place: &Place) {
        let at_most_once = self.dice.one_in(3);
        step["type"] = json!("action");
        step["integration"] = json!("tool");
        step["action"] = json!(if self.steps.len().is_multiple_of(2) { "queue" } else { "act" });
        step["arguments"] = json!({ "for": id, "n": "{{ input.n }}" });
        if let Some(read) = self.read(place) {
            step["arguments"]["read"] = json!(format!("{{{{ steps.{read}.output }}}}"));
            step["arguments"]["status"] = json!(format!("{{{{ steps.{read}.status }}}}"));
            step["arguments"]["code"] = json!(format!("{{{{ steps.{read}.error.status | default(0) }}}}"));
        }
        step["timeout"] = json!(self.dice.pick(&["50ms", "1s", "30s"]));
        step["retry"] = json!({
            "attempts": self.dice.small(1, 4),
            "initial": self.dice.pick(&["10ms", "500ms", "35s"]),
            "max": self.dice.pick(&["40s", "2m"]),
            "multiplier": self.dice.small(1, 4),
            "give_up_after": self.dice.pick(&["1s", "1m", "1h", "3h"]),
        });
        if at_most_once {
            step["at_most_once"] = json!(true);
            self.link(step, "on_unknown", place.after(id).shorter());
        }
        self.link(step, "on_success", place.after(id));
        if self.dice.one_in(2) {
            self.link(step, "on_failure", place.after(id).shorter());
        }
    }

    fn choice(&mut self, step: &mut Value, id: &str, place: &Place) {
        step["type"] = json!("if");
        step["condition"] = match self.read(place) {
            Some(read) if self.dice.one_in(2) => json!(format!("steps.{read}.output.n > 4")),
            _ => json!(self.dice.pick(&["1 > 2", "input.n > 5", "input.missing == 1"])),
        };
        let mut ways = place.after(id);
        let together = self.path(&ways.clone().shorter());
        if let Some(together) = &together {
            step["then"] = json!(together);
            ways.rejoin = Some(together.clone());
        } else {
            self.link(step, "then", ways.clone().shorter());
        }
        for way in ["else", "on_failure"] {
            self.link(step, way, ways.clone().shorter());
        }
    }

    fn end(&mut self, step: &mut Value, place: &Place) {
        step["type"] = json!("end");
        if self.dice.one_in(3) {
            step["status"] = json!("failed");
        }
        if let Some(read) = self.read(place) {
            step["output"] = json!({ "last": format!("{{{{ steps.{read}.output }}}}") });
        }
    }

    fn parallel(&mut self, step: &mut Value, id: &str, place: &Place) {
        let width = 1 + self.dice.below(4);
        let inside = Place {
            length: 1 + place.length / 2,
            depth: place.depth - 1,
            before: place.before.clone(),
            rejoin: None,
        };
        let branches: Vec<String> = (0..width).filter_map(|_| self.path(&inside)).collect();
        if branches.is_empty() {
            return self.end(step, place);
        }
        step["type"] = json!("parallel");
        step["branches"] = json!(branches);
        let mut after = place.after(id);
        after.before.extend(branches);
        self.link(step, "on_success", after.clone());
        self.link(step, "on_failure", after.shorter());
    }

    fn link(&mut self, step: &mut Value, field: &str, place: Place) {
        if let Some(next) = self.path(&place) {
            step[field] = json!(next);
        }
    }

    fn read(&mut self, place: &Place) -> Option<String> {
        let count = place.before.len() as u64;
        (count > 0 && !self.dice.one_in(3)).then(|| place.before[self.dice.below(count) as usize].clone())
    }
}
