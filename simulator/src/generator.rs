//! The generator: random playbooks of the whole language. Owns their distribution; a new kind of step is added here.
//! Every text that reads another step reads one that can have ended before it, as the plan requires.

mod lock;
mod people;
mod undo;

use serde_json::{Value, json};

use crate::chance::Dice;
pub use people::WAITS_UNTIL;

/// The condition of every `verify`: the oracle checks it.
const VERIFIED: &str = "result.n > 4";

/// Steps after which a playbook ends as soon as it can.
const STEPS: u64 = 36;

/// Writes one playbook.
pub struct Generator<'a> {
    dice: Dice,
    /// The playbook that it may run.
    calls: Option<&'a str>,
    steps: u64,
    /// Whether each action has an undo.
    undoes_much: bool,
    /// Draws the locks; `None` if it has none.
    locks: Option<Dice>,
}

/// Where a path is while it is written.
#[derive(Clone)]
struct Place {
    /// The number of steps that may still follow.
    length: u64,
    /// How many more `parallel` steps may be nested.
    depth: u64,
    /// Steps that can have ended before on this path.
    before: Vec<String>,
    /// The variable that `set` counts in: each path has its own.
    counter: String,
    /// Whether it is inside of a loop: there, waits of hours would add up to weeks.
    repeats: bool,
}

impl Place {
    /// A body inside of a step, shorter than what is around it.
    fn inside(&self) -> Self {
        Self { length: self.length / 2, ..self.clone() }
    }
}

/// A list of steps, and whether a path can go on after it.
struct Written {
    steps: Vec<Value>,
    goes_on: bool,
}

impl<'a> Generator<'a> {
    /// A playbook whose longest path has about `length` steps, and which runs `calls`.
    pub fn write((dice, mut locks): (Dice, Dice), length: u64, calls: Option<&'a str>) -> Value {
        let has_locks = locks.one_in(2);
        let locks = Some(locks).filter(|_| has_locks);
        let mut generator = Self { dice, calls, steps: 0, undoes_much: false, locks };
        generator.undoes_much = generator.dice.one_in(4);
        let mut place = Place {
            length: length.max(1),
            depth: 2,
            before: Vec::new(),
            counter: "count".to_owned(),
            repeats: false,
        };
        let mut steps = generator.list(&mut place).steps;
        if steps.is_empty() {
            steps.push(json!({ "end": null }));
        }
        let mut playbook = json!({ "format": 1, "name": "p", "version": 1, "steps": steps });
        if generator.dice.one_in(5) && playbook["steps"].to_string().contains("tool") {
            let caught = Place {
                length: 1,
                depth: 0,
                before: Vec::new(),
                counter: "count".to_owned(),
                repeats: false,
            };
            playbook["catch"] = json!(generator.list(&mut caught.clone()).steps);
        }
        if generator.dice.one_in(4) {
            let before = if playbook["catch"].is_null() { place.before } else { Vec::new() };
            let counter = "count".to_owned();
            let around = Place { length: 1, depth: 1, before, counter, repeats: false };
            generator.cleanup(&around).into_iter().for_each(|cleanup| playbook["finally"] = cleanup);
        }
        if generator.dice.one_in(3) {
            playbook["tasks_at_once"] = json!(generator.dice.small(1, 4));
        }
        if generator.dice.one_in(5) {
            playbook["timeout"] = json!(generator.dice.pick(&["200ms", "20s", "90s", "3h"]));
        }
        playbook
    }

    /// Writes a list; the steps that it may have run are added to what can be read after it.
    fn list(&mut self, place: &mut Place) -> Written {
        let mut written = Written { steps: Vec::new(), goes_on: true };
        while written.goes_on && place.length > 0 && self.steps < STEPS {
            place.length -= 1;
            let id = format!("s{}", self.steps);
            self.steps += 1;
            let mut step = json!({ "id": id });
            written.goes_on = self.step(&mut step, &id, place);
            self.lock(&mut step, &id);
            place.before.push(id);
            written.steps.push(step);
        }
        written
    }

    /// Writes what runs in any case, and sees what ran before it.
    fn cleanup(&mut self, around: &Place) -> Option<Value> {
        let depth = around.depth.checked_sub(1)?;
        let length = self.dice.small(1, 2);
        let steps = self.list(&mut Place { length, depth, ..around.clone() }).steps;
        match self.dice.below(3) {
            _ if steps.is_empty() => None,
            0 => Some(json!({ "do": steps, "timeout": self.dice.pick(&["300ms", "30s"]) })),
            _ => Some(json!(steps)),
        }
    }

    /// Writes what runs where a step is cancelled.
    fn on_cancel(&mut self, step: &mut Value, before: &Place) {
        if self.dice.one_in(6) {
            let place = Place { counter: format!("count_c{}", self.steps), ..before.clone() };
            self.cleanup(&place).into_iter().for_each(|cleanup| step["on_cancel"] = cleanup);
        }
    }

    /// Writes a step; gives whether its path can go on after it.
    fn step(&mut self, step: &mut Value, id: &str, place: &mut Place) -> bool {
        let before = place.clone();
        match self.dice.below(if place.depth == 0 { 15 } else { 21 }) {
            0..=5 => self.action(step, id, place),
            6 if self.dice.one_in(2) => self.wait_until(step, place),
            6 => step["delay"] = json!(self.wait(place, &["10ms", "3s", "40s", "2h"])),
            7 => return self.choice(step, place),
            8 => return self.switch(step, place),
            9 | 10 => {
                self.end(step, place);
                return false;
            }
            11 => self.wait_for(step, place),
            12 => self.approval(step, place),
            13 => {
                let counter = &place.counter;
                step["set"] = json!({ counter: format!("{{{{ variables.{counter}|default(0) + 1 }}}}") });
            }
            14 => self.child(step, place),
            15 | 16 => self.for_each(step, id, place),
            17 => self.repeat(step, id, place),
            _ => self.parallel(step, id, place),
        }
        if step["set"].is_null() {
            self.on_cancel(step, &before);
        }
        true
    }

    fn child(&mut self, step: &mut Value, place: &mut Place) {
        let calls = self.calls.filter(|_| !self.dice.one_in(10));
        step["playbook"] = json!(calls.unwrap_or("nowhere"));
        step["with"] = json!({ "n": "{{ input.n }}", "at": "{{ now }}" });
        step["timeout"] = json!(self.wait(place, &["200ms", "20s", "3h"]));
        if self.dice.one_in(5) {
            step["wait"] = json!(false);
        }
        self.handle(step, &["on_failure", "on_timeout", "on_unknown"], place);
    }

    fn action(&mut self, step: &mut Value, id: &str, place: &mut Place) {
        let at_most_once = self.dice.one_in(3);
        step["integration"] = json!("tool");
        step["action"] = json!(if self.steps.is_multiple_of(2) { "queue" } else { "act" });
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
        step["at_most_once"] = json!(at_most_once);
        step["on_last_failure"] = json!(self.dice.pick(&["fail", "fail", "fail", "pause"]));
        if self.steps.is_multiple_of(3) || self.undoes_much {
            self.undo(step, id, at_most_once);
        }
        if self.dice.one_in(6) {
            step["verify"] = json!({
                "action": self.dice.pick(&["act", "queue"]),
                "arguments": { "for": "{{ output.n }}" },
                "until": VERIFIED,
                "pause": self.dice.pick(&["10ms", "3s", "40s"]),
                "at_most": self.dice.small(1, 6),
            });
        }
        let fields = ["on_failure", "on_timeout", "on_unknown"];
        self.handle(step, &fields[..if at_most_once { 3 } else { 2 }], place);
    }

    /// Writes some of the handlers that a step may have, each in place of the others.
    fn handle(&mut self, step: &mut Value, fields: &[&str], place: &mut Place) {
        let before = place.before.clone();
        for field in fields {
            match self.dice.below(5) {
                0 => {
                    let mut own = Place { before: before.clone(), ..place.clone() };
                    step[*field] = self.body(&mut own).0;
                    place.before.extend(own.before.into_iter().skip(before.len()));
                }
                1 => step[*field] = json!("continue"),
                _ => {}
            }
        }
    }

    /// Writes a body on the path of its step; gives whether the path can go on after it. Only if it can, what the body ran
    /// can be read afterwards.
    fn body(&mut self, place: &mut Place) -> (Value, bool) {
        let mut inside = place.inside();
        let Written { steps, mut goes_on } = self.list(&mut inside);
        let mut body = json!(steps);
        if !steps.is_empty() && self.dice.one_in(6) {
            let caught = self.list(&mut place.inside());
            body = json!({ "do": steps, "catch": caught.steps });
            goes_on |= caught.goes_on;
        } else if !steps.is_empty() && self.dice.one_in(5) {
            let before = inside.before.clone();
            if let Some(cleanup) = self.cleanup(&Place { before, ..place.clone() }) {
                body = json!({ "do": steps, "finally": cleanup });
            }
        }
        if goes_on {
            place.before.extend(inside.before.into_iter().skip(place.before.len()));
        }
        (body, goes_on)
    }

    fn choice(&mut self, step: &mut Value, place: &mut Place) -> bool {
        step["if"] = match self.read(place) {
            Some(read) if self.dice.one_in(2) => json!(format!("steps.{read}.output.n > 4")),
            _ => json!(self.dice.pick(&["1 > 2", "input.n > 5", "input.missing == 1"])),
        };
        let [then, otherwise] = self.ways(place);
        (step["then"], step["else"]) = (then.0, otherwise.0);
        then.1 || otherwise.1
    }

    fn switch(&mut self, step: &mut Value, place: &mut Place) -> bool {
        let [few, some] = self.ways(place);
        let when = self.dice.pick(&["input.n > 6", "input.missing == 1"]);
        step["switch"] = json!("input.n");
        step["cases"] = json!([{ "is": [0, 1, 2], "do": few.0 }, { "when": when, "do": some.0 }]);
        // If no case fits, the path goes on.
        true
    }

    /// Writes two bodies of which one runs.
    fn ways(&mut self, place: &mut Place) -> [(Value, bool); 2] {
        let mut other = place.clone();
        let ways = [self.body(place), self.body(&mut other)];
        let before = place.before.len().min(other.before.len());
        let common = (0..before).take_while(|at| place.before[*at] == other.before[*at]).count();
        place.before.extend(other.before.into_iter().skip(common));
        ways
    }

    fn end(&mut self, step: &mut Value, place: &Place) {
        let output = self.read(place).map(|read| json!({ "last": format!("{{{{ steps.{read}.output }}}}") }));
        if self.dice.one_in(3) {
            step["fail"] = json!("{{ input.n }} is too much");
            output.into_iter().for_each(|output| step["output"] = output);
        } else {
            step["end"] = output.unwrap_or(Value::Null);
        }
    }

    /// Writes a loop over items. What its body runs cannot be read after it.
    fn for_each(&mut self, step: &mut Value, id: &str, place: &mut Place) {
        let item = format!("item_{id}");
        let counter = format!("count_{id}");
        let mut inside = Place { depth: place.depth - 1, repeats: true, counter, ..place.inside() };
        inside.length = inside.length.max(1);
        let body = self.list(&mut inside).steps;
        step["for_each"] =
            json!(self.dice.pick(&["[input.n, 2, 3]", "range", "input.n", "{'a': input.n, 'b': 2}", "[]"]));
        if step["for_each"] == "range" {
            let many: Vec<u64> = (0..self.dice.small(4, 20)).collect();
            step["for_each"] = json!(json!(many).to_string());
        }
        step["as"] = json!(item);
        step["do"] = json!(if body.is_empty() { vec![json!({ "delay": "5ms" })] } else { body });
        step["at_once"] = json!(self.dice.small(1, 5));
        step["tolerate"] = [json!(0), json!(2), json!("50%")][self.dice.below(3) as usize].clone();
        if self.dice.one_in(2) {
            step["collect"] =
                json!({ "index": format!("{{{{ {item}_index }}}}"), "item": format!("{{{{ {item} }}}}") });
        }
        if self.dice.one_in(2) {
            step["on_item_failure"] = json!("stop");
        }
        self.handle(step, &["on_failure"], place);
    }

    /// Writes a loop of rounds that count.
    fn repeat(&mut self, step: &mut Value, id: &str, place: &mut Place) {
        let count = format!("rounds_{id}");
        let mut inside = Place { depth: place.depth - 1, repeats: true, ..place.inside() };
        inside.length = inside.length.max(1);
        let body = self.list(&mut inside).steps;
        let rounds = self.dice.below(5);
        if self.dice.one_in(2) {
            step["while"] = json!(format!("{count} < {rounds}"));
        } else {
            step["until"] = json!(format!("{count} >= {rounds}"));
        }
        step["carry"] = json!({ count.clone(): { "first": 0, "then": format!("{{{{ {count} + 1 }}}}") } });
        step["do"] = json!(if body.is_empty() { vec![json!({ "delay": "5ms" })] } else { body });
        step["at_most"] = json!(self.dice.small(1, 6));
        if self.dice.one_in(2) {
            step["pause"] = json!(self.dice.pick(&["10ms", "3s", "40s"]));
        }
        if self.dice.one_in(3) {
            step["timeout"] = json!(self.dice.pick(&["100ms", "20s", "2m"]));
        }
        self.handle(step, &["on_failure", "on_timeout"], place);
    }

    fn parallel(&mut self, step: &mut Value, id: &str, place: &mut Place) {
        let width = 1 + self.dice.below(4);
        let (mut branches, mut ran) = (serde_json::Map::new(), Vec::new());
        for branch in 0..width {
            let length = 1 + place.length / 2;
            let counter = format!("count_{id}_{branch}");
            let mut inside = Place { length, depth: place.depth - 1, counter, ..place.clone() };
            let written = self.list(&mut inside);
            if written.steps.is_empty() {
                break;
            }
            ran.extend(inside.before.split_off(place.before.len()));
            let mut body = json!(written.steps);
            if self.dice.one_in(6) {
                body = json!({ "do": body, "catch": [] });
            }
            branches.insert(format!("b{branch}"), body);
        }
        if branches.is_empty() {
            step["delay"] = json!("10ms");
            return;
        }
        let joins = [json!("all"), json!("any"), json!({ "at_least": branches.len().div_ceil(2) })];
        step["parallel"] = joins[self.dice.below(3) as usize].clone();
        step["branches"] = Value::Object(branches);
        place.before.extend(ran);
        self.handle(step, &["on_failure"], place);
    }

    /// The length of a wait, the longest last.
    fn wait(&mut self, place: &Place, spans: &[&'static str]) -> &'static str {
        let spans = if place.repeats { &spans[..spans.len() - 1] } else { spans };
        self.dice.pick(spans)
    }

    fn read(&mut self, place: &Place) -> Option<String> {
        let count = place.before.len() as u64;
        (count > 0 && !self.dice.one_in(3)).then(|| place.before[self.dice.below(count) as usize].clone())
    }
}
