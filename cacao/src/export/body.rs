//! Lists of steps as workflows: each step with what follows it. Owns which native steps are parts of one of CACAO, and which are none.

use updraft_protocol::playbook::{Body, Handler, Handlers, Repeat, Step, StepKind};
use updraft_protocol::{Span, Value};

use super::{Exporter, Fields, Place, header, id_of, object};
use crate::described::parted;

/// What a step is in CACAO.
enum Part {
    /// A step of its own, with this id.
    Own(String),
    /// A part of the step before or behind it, or nothing at all.
    Passed,
}

impl<'p> Exporter<'p> {
    /// The main line; gives the id of its start.
    pub(super) fn main(&mut self) -> String {
        let steps = &self.playbook.steps;
        let begins =
            steps.first().and_then(|step| step.id.as_ref()).is_some_and(|id| is_a("start", id.as_str()));
        let end = self.new_end();
        let first = self.list(steps, &end);
        if begins {
            return first;
        }
        let start = id_of("start", self.playbook.name.as_str());
        let step = object([("type", Value::from("start")), ("on_completion", Value::from(first))]);
        self.workflow.insert(start.clone(), Value::Object(step));
        start
    }

    /// What follows a failure; gives the id of its first step.
    pub(super) fn exception(&mut self, catch: &'p Body) -> String {
        let end = self.new_end();
        self.place = Place::Exception;
        self.list(&catch.steps, &end)
    }

    /// The id of an end that no native step is; it is added where something leads to it.
    fn new_end(&mut self) -> String {
        self.ends += 1;
        id_of("end", &format!("{}.end.{}", self.playbook.name, self.ends))
    }

    /// The steps of a body; gives the id of the first.
    fn body(&mut self, body: &'p Body, exit: &str) -> String {
        if body.catch.is_some() {
            self.leave("", "`catch` of a body: CACAO has one for the playbook alone");
        }
        self.list(&body.steps, exit)
    }

    /// The branch of a step, with an end of its own.
    pub(super) fn branch(&mut self, body: &'p Body, place: Place) -> String {
        let around = std::mem::replace(&mut self.place, place);
        let end = self.new_end();
        let first = self.body(body, &end);
        self.place = around;
        first
    }

    /// Tells of a step that ends its path and means another thing in CACAO.
    fn ends(&mut self, id: &str, fails: bool) {
        match (self.place, fails) {
            (Place::Main, false) | (Place::Exception, true) => {}
            (Place::Nested, _) => {
                self.leave(id, "ends the path inside of a body, where an `end` of CACAO ends the body alone");
            }
            (Place::Main, true) => self.leave(id, "fails, which no step of CACAO does by itself"),
            (Place::Exception, false) => {
                self.leave(id, "completes after a failure, which no playbook of CACAO does")
            }
        }
    }

    /// The steps of a list, after which the step `exit` follows; gives the id of the first.
    fn list(&mut self, steps: &'p [Step], exit: &str) -> String {
        let mut lands: Vec<String> = vec![exit.to_owned(); steps.len() + 1];
        let parts: Vec<Part> = steps.iter().map(|step| self.part(step)).collect();
        let place =
            |id: &str| steps.iter().position(|step| step.id.as_ref().is_some_and(|own| own.as_str() == id));
        for (at, (step, part)) in steps.iter().zip(&parts).enumerate().rev() {
            let next = step.next.as_ref().and_then(|next| place(next.as_str())).unwrap_or(at + 1);
            lands[at] = match part {
                Part::Own(id) => id.clone(),
                Part::Passed => lands[next].clone(),
            };
        }
        for (at, (step, part)) in steps.iter().zip(&parts).enumerate() {
            let Part::Own(id) = part else { continue };
            let after = steps[at + 1..].iter().take_while(|after| belongs(after, step)).count();
            let last = steps.get(at + after).unwrap_or(step);
            let next = last.next.as_ref().and_then(|next| place(next.as_str())).unwrap_or(at + after + 1);
            let next = lands[next].clone();
            let failure = step.handlers.on_failure.as_ref().map(|handler| match handler {
                Handler::Step(id) => place(id.as_str()).map_or_else(|| next.clone(), |at| lands[at].clone()),
                Handler::Body(body) => self.body(body, &next),
            });
            let mut fields = self.step(step, &steps[at + 1..at + 1 + after]);
            self.before(&steps[..at], &mut fields);
            let is_end = fields.get("type").and_then(Value::as_str) == Some("end");
            match failure {
                _ if is_end => {}
                Some(failure) => {
                    fields.insert("on_success".to_owned(), Value::from(next.as_str()));
                    fields.insert("on_failure".to_owned(), Value::from(failure.as_str()));
                    self.ended(&failure);
                }
                None => {
                    fields.insert("on_completion".to_owned(), Value::from(next.as_str()));
                }
            }
            if !is_end {
                self.ended(&next);
            }
            self.workflow.insert(id.clone(), Value::Object(fields));
        }
        let first = lands[0].clone();
        self.ended(&first);
        first
    }

    /// The delay and the variables that steps right before a step give it.
    fn before(&mut self, steps: &'p [Step], fields: &mut Fields) {
        for step in steps.iter().rev() {
            let id = step.id.as_ref().map_or("", |id| id.as_str());
            match &step.kind {
                StepKind::Delay(delay) => {
                    fields.insert("delay".to_owned(), millis(delay.duration));
                }
                StepKind::Set(set) if id.contains(".variables") => {
                    let mut variables = Fields::new();
                    for (native, value) in &set.set {
                        let Some(name) = self.names.of(native) else { continue };
                        let (word, description) = header::declared(self.playbook.types.get(native));
                        let word = word.unwrap_or_else(|| header::word_of(value));
                        let value = match value {
                            Value::Null => Value::Null,
                            other => Value::from(self.text(id, &super::action::printed(other))),
                        };
                        let mut variable = object([("type", Value::from(word)), ("value", value)]);
                        variable
                            .extend(description.map(|text| ("description".to_owned(), Value::from(text))));
                        variables.insert(name, Value::Object(variable));
                    }
                    fields.insert("step_variables".to_owned(), Value::Object(variables));
                }
                _ => return,
            }
        }
    }

    /// Adds the end that something leads to, unless a native step is it.
    fn ended(&mut self, id: &str) {
        if is_a("end", id) {
            let end = Value::Object(object([("type", Value::from("end"))]));
            self.workflow.entry(id.to_owned()).or_insert(end);
        }
    }

    fn part(&mut self, step: &'p Step) -> Part {
        let id = step.id.as_ref().map_or("", |id| id.as_str());
        let base = ["exception", "again"].iter().find_map(|word| id.rsplit_once(&format!(".{word}")));
        let base = base.map_or(id, |(base, _)| base);
        let word = match &step.kind {
            StepKind::Action(_) | StepKind::Approval(_) => "action",
            StepKind::SubPlaybook(_) => "playbook-action",
            StepKind::If(_) => "if-condition",
            StepKind::Switch(_) => "switch-condition",
            StepKind::Parallel(_) => "parallel",
            StepKind::Repeat(repeat) => match once(repeat) {
                Some(steps) => self.wrapped(steps),
                None => "while-condition",
            },
            StepKind::End(_) | StepKind::Fail(_) => {
                self.ends(id, matches!(step.kind, StepKind::Fail(_)));
                "end"
            }
            StepKind::Set(set) if is_a("start", base) => {
                self.external.extend(set.set.keys().cloned());
                "start"
            }
            StepKind::Set(set) if set.set.is_empty() && is_a("end", base) => "end",
            StepKind::Set(set) => {
                let is_ours = PARTS.iter().any(|word| id.contains(word));
                if !set.set.is_empty() && !is_ours {
                    self.leave(id, "gives variables values, which only commands do in CACAO");
                }
                return Part::Passed;
            }
            StepKind::Delay(_) => return Part::Passed,
            StepKind::ForEach(_) | StepKind::WaitFor(_) | StepKind::WaitUntil(_) | StepKind::Finally(_) => {
                self.leave(id, format!("a step `{}`, which CACAO has not", step.kind.name()));
                return Part::Passed;
            }
        };
        // What runs after a failure, and on the main line as well, may be told other values: it is another step.
        let base = if word == "end" { base } else { id };
        Part::Own(id_of(word, base))
    }

    /// The word for the step that is in a loop of one round.
    fn wrapped(&self, steps: &'p [Step]) -> &'static str {
        match steps.first().map(|step| &step.kind) {
            Some(StepKind::If(_)) => "if-condition",
            Some(StepKind::Switch(_)) => "switch-condition",
            Some(StepKind::Parallel(_)) => "parallel",
            _ => "action",
        }
    }

    /// The step, without its pointers; `after` are the steps that give its results.
    fn step(&mut self, step: &'p Step, after: &'p [Step]) -> Fields {
        let id = step.id.as_ref().map_or("", |id| id.as_str());
        self.handled(id, &step.handlers);
        let mut fields = match &step.kind {
            StepKind::Repeat(repeat) => match once(repeat) {
                Some(steps) => {
                    let mut fields = self.once(id, steps);
                    fields.extend(repeat.timeout.map(|timeout| ("timeout".to_owned(), millis(timeout))));
                    fields
                }
                None => self.repeat(id, repeat),
            },
            _ => self.plain(id, step, after),
        };
        if step.kind.lock_of_bodies().is_some() {
            self.leave(id, "`lock`, which no step of CACAO has");
        }
        if let Some(text) = &step.description {
            let (name, more) = parted(text);
            fields.insert("name".to_owned(), Value::from(name));
            fields.extend(more.map(|more| ("description".to_owned(), Value::from(more))));
        }
        fields
    }

    fn handled(&mut self, id: &str, handlers: &Handlers) {
        for (field, given) in [
            ("on_timeout", handlers.on_timeout.is_some()),
            ("on_unknown", handlers.on_unknown.is_some()),
            ("on_cancel", handlers.on_cancel.is_some()),
        ] {
            if given {
                self.leave(id, format!("`{field}`: CACAO has `on_failure` alone"));
            }
        }
    }

    /// What a loop of one round has inside: one step, or the calls of an action.
    fn once(&mut self, id: &str, steps: &'p [Step]) -> Fields {
        let calls =
            steps.iter().take_while(|step| matches!(step.kind, StepKind::Action(_) | StepKind::Approval(_)));
        let calls = calls.count();
        if calls > 0 {
            let (calls, after) = steps.split_at(calls);
            return self.calls(id, calls, after);
        }
        match steps.split_first() {
            Some((first, after)) => self.plain(id, first, after),
            None => object([("type", Value::from("end"))]),
        }
    }

    fn plain(&mut self, id: &str, step: &'p Step, after: &'p [Step]) -> Fields {
        match &step.kind {
            StepKind::Action(_) | StepKind::Approval(_) => self.calls(id, std::slice::from_ref(step), after),
            StepKind::SubPlaybook(sub) => self.sub_playbook(id, sub, after),
            StepKind::If(choice) => {
                let condition = self.condition(id, &choice.condition);
                let on_true = self.branch(&choice.then, Place::Nested);
                let mut fields = object([
                    ("type", Value::from("if-condition")),
                    ("condition", Value::from(condition)),
                    ("on_true", Value::from(on_true)),
                ]);
                if let Some(otherwise) = &choice.otherwise {
                    fields.insert("on_false".to_owned(), Value::from(self.branch(otherwise, Place::Nested)));
                }
                fields
            }
            StepKind::Switch(switch) => self.switch(id, switch),
            StepKind::Parallel(parallel) => {
                if parallel.join != updraft_protocol::playbook::Join::All {
                    self.leave(
                        id,
                        "goes on before all branches have ended, which no `parallel` of CACAO does",
                    );
                }
                let next = parallel
                    .branches
                    .0
                    .iter()
                    .map(|(_, body)| Value::from(self.branch(body, Place::Main)))
                    .collect();
                object([("type", Value::from("parallel")), ("next_steps", Value::Array(next))])
            }
            StepKind::Set(_) if step.id.as_ref().is_some_and(|id| is_a("start", id.as_str())) => {
                object([("type", Value::from("start"))])
            }
            StepKind::End(end) => {
                if !end.output.is_null() {
                    self.leave(id, "the output of an `end`, which CACAO has not");
                }
                object([("type", Value::from("end"))])
            }
            _ => object([("type", Value::from("end"))]),
        }
    }

    /// The variables that the steps behind a step set from what it gave.
    pub(super) fn out_args(&self, fields: &mut Fields, after: &[Step]) {
        let sets = after.iter().filter_map(|step| match (&step.kind, &step.id) {
            (StepKind::Set(set), Some(id)) if id.as_str().contains(".out") => Some(set),
            _ => None,
        });
        let names: Vec<Value> = sets
            .flat_map(|set| set.set.keys())
            .filter_map(|native| self.names.of(native))
            .map(Value::from)
            .collect();
        if !names.is_empty() {
            fields.insert("out_args".to_owned(), Value::Array(names));
        }
    }
}

/// Whether a step only hands on what another one gave.
fn belongs(step: &Step, of: &Step) -> bool {
    let (Some(id), Some(of)) = (&step.id, &of.id) else { return false };
    let word = id.as_str().strip_prefix(of.as_str());
    matches!(step.kind, StepKind::Set(_))
        && word.is_some_and(|word| [".out", ".result", ".join"].iter().any(|part| word.starts_with(part)))
}

/// Whether an id is one of this type.
fn is_a(word: &str, id: &str) -> bool {
    id.strip_prefix(word).is_some_and(|rest| rest.starts_with("--"))
}

/// What is inside of a loop of one round.
fn once(repeat: &Repeat) -> Option<&[Step]> {
    let is_once = repeat.after.as_deref() == Some("true") && repeat.at_most == Some(1);
    is_once.then_some(repeat.body.steps.as_slice())
}

/// What the ids of steps have that hand values on.
const PARTS: [&str; 6] = [".out", ".result", ".variables", ".copies", ".join", ".return"];

/// A duration in milliseconds.
pub(super) fn millis(span: Span) -> Value {
    Value::parse(&span.0.as_millis().to_string()).unwrap_or_default()
}
