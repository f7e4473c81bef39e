//! An interpreter of CACAO, written from the standard: a step runs, then what its pointers say; a branch runs to its end and
//! returns to the step that opened it; a failure that a step does not handle is that of the step around, at last that of the playbook,
//! which `workflow_exception` follows.

use std::collections::BTreeMap;

use updraft_cacao::model::*;
use updraft_protocol::Value;

use super::generated::{Generated, given};
use super::{Called, Outcome};

/// A variable: the step that declares it, if no playbook does, and its name.
type Key = (Option<CacaoId>, VariableName);

pub(crate) struct Interpreter<'g> {
    generated: &'g Generated,
    seed: u64,
    calls: BTreeMap<usize, Vec<Called>>,
    visits: BTreeMap<String, usize>,
    values: BTreeMap<Key, Value>,
}

/// A failure.
struct Failed;

impl<'g> Interpreter<'g> {
    pub(crate) fn run(generated: &'g Generated, seed: u64) -> Outcome {
        let playbook = &generated.playbook;
        let values = playbook.variables.iter().map(|(name, variable)| {
            ((None, name.clone()), variable.variable_type.read(&variable.value).expect("a value"))
        });
        let values = values.collect();
        let mut this = Self { generated, seed, calls: BTreeMap::new(), visits: BTreeMap::new(), values };
        let completed = this.body(&playbook.start, &[]).is_ok();
        if !completed && let Some(exception) = &playbook.exception {
            let _ = this.body(exception, &[]);
        }
        let variables = completed.then(|| {
            let kept = |name: &VariableName| playbook.variables[name].constant;
            let own = this.values.iter().filter(|((step, name), _)| step.is_none() && !kept(name));
            Value::Object(own.map(|((_, name), value)| (name.to_string(), value.clone())).collect())
        });
        Outcome { calls: this.calls, completed, variables }
    }

    fn step(&self, id: &CacaoId) -> &'g WorkflowStep {
        &self.generated.playbook.steps[id]
    }

    /// Runs from a step until nothing follows.
    fn body(&mut self, first: &CacaoId, around: &[CacaoId]) -> Result<(), Failed> {
        let mut next = Some(first.clone());
        while let Some(id) = next {
            let step = self.step(&id);
            next = match (self.one(&id, around), &step.on_failure) {
                (Ok(()), _) => step.on_success.clone().or(step.on_completion.clone()),
                (Err(Failed), Some(handler)) => Some(handler.clone()),
                (Err(Failed), None) => return Err(Failed),
            };
        }
        Ok(())
    }

    fn one(&mut self, id: &CacaoId, around: &[CacaoId]) -> Result<(), Failed> {
        let step = self.step(id);
        let inside = [around, std::slice::from_ref(id)].concat();
        for (name, variable) in &step.variables {
            let value = variable.variable_type.read(&variable.value).expect("a value");
            self.values.insert((Some(id.clone()), name.clone()), value);
        }
        match &step.kind {
            WorkflowStepKind::Start | WorkflowStepKind::End => Ok(()),
            WorkflowStepKind::Action(action) => self.action(id, action, &inside),
            WorkflowStepKind::If(choice) => {
                match (self.holds(&choice.condition, &inside), &choice.on_false) {
                    (true, _) => self.body(&choice.on_true, &inside),
                    (false, Some(on_false)) => self.body(on_false, &inside),
                    (false, None) => Ok(()),
                }
            }
            WorkflowStepKind::Switch(switch) => {
                let value =
                    self.value(switch.switch.strip_suffix(":value").expect("a reference"), &inside).clone();
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match switch.cases.get(&text).filter(|_| text != "default").or(switch.cases.get("default")) {
                    Some(case) => self.body(case, &inside),
                    None => Ok(()),
                }
            }
            WorkflowStepKind::While(repeat) => {
                while self.holds(&repeat.condition, &inside) {
                    self.body(&repeat.on_true, &inside)?;
                }
                Ok(())
            }
            WorkflowStepKind::Parallel(parallel) => self.parallel(parallel, &inside),
            WorkflowStepKind::PlaybookAction(_) => unreachable!("none is generated"),
        }
    }

    /// Each branch sees the variables as they were, and what it writes itself; what it wrote counts when all have completed.
    fn parallel(&mut self, parallel: &ParallelStep, inside: &[CacaoId]) -> Result<(), Failed> {
        let before = self.values.clone();
        let mut written = Vec::new();
        let mut failed = false;
        for branch in &parallel.next_steps {
            self.values = before.clone();
            failed |= self.body(branch, inside).is_err();
            written.push(self.values.clone());
        }
        self.values = before.clone();
        if failed {
            return Err(Failed);
        }
        for branch in written {
            let changed = branch.into_iter().filter(|(key, value)| {
                key.0.as_ref().is_none_or(|step| inside.contains(step)) && before.get(key) != Some(value)
            });
            self.values.extend(changed);
        }
        Ok(())
    }

    fn key(&self, name: &str, inside: &[CacaoId]) -> Key {
        let owner = inside.iter().rev().find(|step| self.step(step).variables.contains_key(name));
        (owner.cloned(), VariableName::read(name).expect("a name"))
    }

    fn value(&self, name: &str, inside: &[CacaoId]) -> &Value {
        &self.values[&self.key(name, inside)]
    }

    fn action(&mut self, id: &CacaoId, action: &ActionStep, inside: &[CacaoId]) -> Result<(), Failed> {
        for (at, command) in action.commands.iter().enumerate() {
            let CommandKind::Other { script: Some(script), .. } = &command.kind else { unreachable!() };
            let mut values = BTreeMap::new();
            if let Some((_, rest)) = script.text.split_once(" {{ ") {
                let name = rest.strip_suffix(":value %}").expect("a reference");
                let value = self.value(name, inside).clone();
                if value.is_null() {
                    return Err(Failed);
                }
                values.insert(name.to_owned(), value);
            }
            let path = self.generated.paths[id];
            self.calls
                .entry(path)
                .or_default()
                .push((script.text.clone(), Value::Object(values).to_string()));
            let visit = self.visits.entry(script.text.clone()).or_default();
            let given = given(self.seed, &script.text, *visit, &action.out_args);
            *visit += 1;
            let given = given.ok_or(Failed)?;
            if at + 1 == action.commands.len() {
                for name in &action.out_args {
                    let key = self.key(name.as_str(), inside);
                    self.values.insert(key, given[name.inner()].clone());
                }
            }
        }
        Ok(())
    }

    /// The conditions that are generated: one comparison each, false of what is unknown.
    fn holds(&self, condition: &str, inside: &[CacaoId]) -> bool {
        let (name, test) = condition.split_once(":value ").expect("a comparison");
        let value = self.value(name, inside);
        let number = value.as_i64();
        let text = value.as_str();
        match test {
            "= 1" => number == Some(1),
            "!= 1" => number.is_some_and(|number| number != 1),
            "> 1" => number.is_some_and(|number| number > 1),
            "IN (0, 2)" => number.is_some_and(|number| number == 0 || number == 2),
            "= 'v0'" => text == Some("v0"),
            "LIKE '%1'" => text.is_some_and(|text| text.ends_with('1')),
            "NOT = 'v2'" => text.is_some_and(|text| text != "v2"),
            "= true" => value.as_bool() == Some(true),
            "!= true" => value.as_bool() == Some(false),
            other => unreachable!("{other}"),
        }
    }
}
