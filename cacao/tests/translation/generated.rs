//! Random playbooks by the grammar of the standard, and what their commands give: all of a seed.

use std::collections::BTreeMap;

use updraft_cacao::model::*;
use updraft_protocol::Value;
use updraft_protocol::ids::mix;

use super::playbooks::{command, empty, id, name, step, variable};

/// A generated playbook.
pub(crate) struct Generated {
    pub(crate) playbook: CacaoPlaybook,
    /// For each step, the path beside others that it is on.
    pub(crate) paths: BTreeMap<CacaoId, usize>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = mix(self.0);
        (self.0 >> 33) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len() as u64) as usize;
        &all[at]
    }
}

struct Generator {
    random: Random,
    steps: BTreeMap<CacaoId, WorkflowStep>,
    paths: BTreeMap<CacaoId, usize>,
    variables: BTreeMap<VariableName, Variable>,
    path: usize,
    made: u32,
    /// The variables that are seen, those of steps around too.
    seen: Vec<VariableName>,
    left: u32,
}

/// A playbook of this seed.
pub(crate) fn playbook(seed: u64) -> Generated {
    let mut generator = Generator {
        random: Random(seed),
        steps: BTreeMap::new(),
        paths: BTreeMap::new(),
        variables: BTreeMap::new(),
        path: 0,
        made: 0,
        seen: Vec::new(),
        left: 24,
    };
    for number in 0..3 {
        generator.declare(&format!("__n{number}__"), "integer", "1");
        generator.declare(&format!("__b{number}__"), "bool", "true");
        generator.declare(&format!("__t{number}__"), "string", "v0");
    }
    generator.declare("__c0__", "string", "{{ c }}");
    generator.variables.get_mut(&name("__c0__")).expect("declared").constant = true;
    let unknown = name("__n2__");
    generator.variables.get_mut(&unknown).expect("declared").value = Value::Null;
    let body = generator.body(0);
    let start = generator.add("start", WorkflowStepKind::Start);
    generator.steps.get_mut(&start).expect("added").on_completion = Some(body);
    let actions: Vec<CacaoId> =
        generator.steps.keys().filter(|id| id.object_type() == Some("action")).cloned().collect();
    let exception = match generator.random.below(4) {
        0 => None,
        // What follows a failure may be steps that are on the main line, too.
        1 if !actions.is_empty() => Some(generator.random.pick(&actions).clone()),
        _ => {
            generator.path = usize::MAX;
            generator.left = 4;
            Some(generator.body(2))
        }
    };
    let mut playbook = empty(start);
    playbook.exception = exception;
    playbook.steps = generator.steps;
    playbook.variables = generator.variables;
    playbook.agents.insert(id("tool", 1), super::playbooks::agent());
    Generated { playbook, paths: generator.paths }
}

impl Generator {
    fn declare(&mut self, text: &str, word: &str, value: &str) {
        self.variables.insert(name(text), variable(word, value));
        self.seen.push(name(text));
    }

    fn add(&mut self, word: &str, kind: WorkflowStepKind) -> CacaoId {
        self.made += 1;
        let id = id(word, self.made);
        self.steps.insert(id.clone(), step(kind));
        self.paths.insert(id.clone(), self.path);
        id
    }

    fn step(&mut self, id: &CacaoId) -> &mut WorkflowStep {
        self.steps.get_mut(id).expect("added")
    }

    /// The first step of a body of some steps and an end.
    fn body(&mut self, depth: u32) -> CacaoId {
        let mut next = self.add("end", WorkflowStepKind::End);
        let end = next.clone();
        for _ in 0..=self.random.below(3) {
            next = self.item(depth, &next, &end);
        }
        next
    }

    /// A step that goes on to another one.
    fn item(&mut self, depth: u32, next: &CacaoId, end: &CacaoId) -> CacaoId {
        self.left = self.left.saturating_sub(1);
        let kinds = if depth >= 3 || self.left == 0 { 4 } else { 10 };
        match self.random.below(kinds) {
            0..4 => self.action_step(next, end),
            4 => self.joined(depth, next),
            5 | 6 => self.choice(depth, next, end),
            7 => self.switch(depth, next, end),
            8 => self.repeat(depth, next, end),
            _ => self.parallel(depth, next, end),
        }
    }

    /// Goes on to a step, perhaps with another one where it fails.
    fn follow(&mut self, from: &CacaoId, next: &CacaoId, end: &CacaoId) {
        if self.random.chance(60) {
            self.step(from).on_completion = Some(next.clone());
            return;
        }
        let handler = match self.random.below(3) {
            0 => next.clone(),
            1 => end.clone(),
            _ => {
                let handler = self.action();
                self.step(&handler).on_completion = Some(next.clone());
                handler
            }
        };
        let step = self.step(from);
        step.on_success = Some(next.clone());
        step.on_failure = Some(handler);
    }

    fn action_step(&mut self, next: &CacaoId, end: &CacaoId) -> CacaoId {
        let id = self.action();
        self.follow(&id, next, end);
        if self.random.chance(15) {
            self.step(&id).timeout = Some(3_600_000);
        }
        id
    }

    /// An action that writes and reads some variables.
    fn action(&mut self) -> CacaoId {
        let id = self.add("action", WorkflowStepKind::End);
        let seen = self.seen.len();
        if self.random.chance(15) {
            let own = name(&format!("__n{}__", 100 + self.made));
            self.step(&id).variables.insert(own.clone(), variable("integer", "2"));
            self.seen.push(own);
        }
        let writable = self.seen.iter().filter(|name| !name.inner().starts_with(['w', 'c']));
        let writable: Vec<VariableName> = writable.cloned().collect();
        let mut out_args = Vec::new();
        if self.random.chance(60) {
            out_args.push(self.random.pick(&writable).clone());
        }
        if self.random.chance(20) {
            let second = self.random.pick(&writable).clone();
            out_args.retain(|name| *name != second);
            out_args.push(second);
        }
        let commands = 1 + u64::from(self.random.chance(20));
        let commands = (0..commands).map(|at| self.text(&id, at)).map(|text| command(&text)).collect();
        self.seen.truncate(seen);
        let kind = WorkflowStepKind::Action(ActionStep {
            commands,
            agent: super::playbooks::id("tool", 1),
            targets: Vec::new(),
            in_args: Vec::new(),
            out_args,
        });
        let delay = self.random.chance(15).then_some(5);
        let step = self.step(&id);
        step.kind = kind;
        step.delay = delay;
        id
    }

    fn text(&mut self, id: &CacaoId, at: u64) -> String {
        let read = if self.random.chance(60) {
            self.random.pick(&self.seen.clone()).to_string()
        } else {
            String::new()
        };
        let read = if read.is_empty() { read } else { format!(" {{{{ {read}:value %}}") };
        format!("{id}#{at}{read}")
    }

    fn condition(&mut self) -> String {
        let name = self.random.pick(&self.seen.clone()).clone();
        let test = match name.inner().chars().next() {
            Some('n') => *self.random.pick(&["= 1", "!= 1", "> 1", "IN (0, 2)"]),
            Some('t' | 'c') => *self.random.pick(&["= 'v0'", "LIKE '%1'", "NOT = 'v2'"]),
            _ => *self.random.pick(&["= true", "!= true"]),
        };
        format!("{name}:value {test}")
    }

    /// Opens a step that may have a variable of its own, and runs what makes its branches.
    fn within(&mut self, id: &CacaoId, branches: impl FnOnce(&mut Self)) {
        let own = self.random.chance(25);
        let seen = self.seen.len();
        if own {
            // Sometimes it is called as one of the playbook.
            let called = match self.random.below(3) {
                0 => "__n0__".to_owned(),
                _ => format!("__n{}__", 10 + self.made),
            };
            self.step(id).variables.insert(name(&called), variable("integer", "2"));
            self.seen.push(name(&called));
        }
        branches(self);
        self.seen.truncate(seen);
    }

    fn choice(&mut self, depth: u32, next: &CacaoId, end: &CacaoId) -> CacaoId {
        let id = self.add("if-condition", WorkflowStepKind::End);
        self.follow(&id, next, end);
        self.within(&id.clone(), |this| {
            let condition = this.condition();
            let on_true = this.body(depth + 1);
            let on_false = this.random.chance(60).then(|| this.body(depth + 1));
            this.step(&id).kind = WorkflowStepKind::If(IfCondition { condition, on_true, on_false });
        });
        if self.random.chance(10) {
            self.step(&id).timeout = Some(3_600_000);
        }
        id
    }

    /// A choice that nothing follows, since its branches lead to what comes next.
    fn joined(&mut self, depth: u32, next: &CacaoId) -> CacaoId {
        let id = self.add("if-condition", WorkflowStepKind::End);
        let condition = self.condition();
        let end = self.add("end", WorkflowStepKind::End);
        self.step(&id).on_completion = Some(end.clone());
        let on_true = self.item(depth + 1, next, &end);
        let other = match self.random.below(4) {
            0 => Some(next.clone()),
            1 => None,
            _ => Some(self.item(depth + 1, next, &end)),
        };
        let kind = match self.random.chance(50) {
            true => WorkflowStepKind::If(IfCondition { condition, on_true, on_false: other }),
            false => {
                let names: Vec<VariableName> =
                    self.seen.iter().filter(|name| name.inner().starts_with('n')).cloned().collect();
                let switch = format!("{}:value", self.random.pick(&names));
                let word = if self.random.chance(50) { "default" } else { "0" };
                let other = other.map(|other| (word.to_owned(), other));
                let cases = [("1".to_owned(), on_true)].into_iter().chain(other).collect();
                WorkflowStepKind::Switch(SwitchCondition { switch, cases })
            }
        };
        self.step(&id).kind = kind;
        id
    }

    fn switch(&mut self, depth: u32, next: &CacaoId, end: &CacaoId) -> CacaoId {
        let id = self.add("switch-condition", WorkflowStepKind::End);
        self.follow(&id, next, end);
        self.within(&id.clone(), |this| {
            let name = this.random.pick(&this.seen.clone()).clone();
            let values: &[&str] = match name.inner().chars().next() {
                Some('n') => &["0", "1", "default"],
                Some('t' | 'c') => &["v0", "v1", "default"],
                _ => &["true", "false"],
            };
            let mut cases = BTreeMap::new();
            for value in values {
                if this.random.chance(70) {
                    cases.insert((*value).to_owned(), this.body(depth + 1));
                }
            }
            if cases.is_empty() {
                cases.insert("default".to_owned(), this.body(depth + 1));
            }
            let switch = format!("{name}:value");
            this.step(&id).kind = WorkflowStepKind::Switch(SwitchCondition { switch, cases });
        });
        id
    }

    /// A loop over a variable of its own, which the first step of each round writes.
    fn repeat(&mut self, depth: u32, next: &CacaoId, end: &CacaoId) -> CacaoId {
        let id = self.add("while-condition", WorkflowStepKind::End);
        self.follow(&id, next, end);
        let written = format!("__w{}__", self.made);
        self.variables
            .insert(name(&written), variable("bool", if self.random.chance(80) { "true" } else { "false" }));
        self.within(&id.clone(), |this| {
            let rest = this.body(depth + 1);
            let first = this.action();
            let text = this.text(&first, 0);
            let step = this.step(&first);
            step.on_completion = Some(rest);
            if let WorkflowStepKind::Action(action) = &mut step.kind {
                action.out_args = vec![name(&written)];
                action.commands = vec![command(&text)];
            }
            let condition = format!("{written}:value = true");
            this.step(&id).kind = WorkflowStepKind::While(WhileCondition { condition, on_true: first });
        });
        id
    }

    fn parallel(&mut self, depth: u32, next: &CacaoId, end: &CacaoId) -> CacaoId {
        let id = self.add("parallel", WorkflowStepKind::End);
        self.follow(&id, next, end);
        self.within(&id.clone(), |this| {
            let around = this.path;
            let branches = 2 + this.random.below(2);
            let next_steps = (0..branches).map(|_| {
                this.made += 1;
                this.path = this.made as usize;
                this.body(depth + 1)
            });
            let next_steps = next_steps.collect();
            this.path = around;
            this.step(&id).kind = WorkflowStepKind::Parallel(ParallelStep { next_steps });
        });
        id
    }
}

/// What a command gives when it is called for the `visit`th time; `None` where it fails.
pub(crate) fn given(
    seed: u64,
    command: &str,
    visit: usize,
    out_args: &[VariableName],
) -> Option<BTreeMap<String, Value>> {
    // What it reads may be called in another way once it was exported.
    let command = command.split(' ').next().unwrap_or_default();
    let hash = command.bytes().fold(mix(seed ^ visit as u64), |hash, byte| mix(hash ^ u64::from(byte)));
    if hash % 100 < 15 {
        return None;
    }
    let value = |name: &VariableName| match name.inner().chars().next() {
        Some('n') => Value::parse(&(hash % 3).to_string()).expect("a number"),
        Some('w') => Value::Bool(visit % 3 != 2),
        Some('b') => Value::Bool(hash % 2 == 0),
        _ => Value::from(format!("v{}", hash % 3)),
    };
    Some(out_args.iter().map(|name| (name.inner().to_owned(), value(name))).collect())
}
