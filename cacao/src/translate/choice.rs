//! The steps `if-condition` and `switch-condition`.

use updraft_protocol::Value;
use updraft_protocol::limits::TEMPLATE_SOURCE_BYTES;

use crate::condition::{Reading, native, parse};
use crate::model::{IfCondition, SwitchCondition, VariableName};
use crate::rule::Rule;

use super::Translator;
use super::bodies::{After, Around};
use super::native::{Fields, list, map, set, step};
use super::references::{Part, parts};
use super::scope::Scope;

impl Translator<'_> {
    /// The step `if-condition`.
    pub(super) fn choice(
        &mut self,
        number: usize,
        choice: &IfCondition,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let condition = self.condition(number, &choice.condition, &around.scope);
        self.chosen(number, id, after, around, |this, id, inside| {
            let then = this.branch(number, "on_true", inside);
            let mut fields = step(id, [("if", Value::from(condition)), ("then", list(then))]);
            let otherwise = match choice.on_false {
                Some(_) => Some(this.branch(number, "on_false", inside)),
                None => this.no_branch(number, id, inside),
            };
            set(&mut fields, "else", otherwise.map(list));
            fields
        })
    }

    /// The step `switch-condition`. A case is compared as a value of the variable's type.
    pub(super) fn switch(
        &mut self,
        number: usize,
        switch: &SwitchCondition,
        id: &str,
        after: &After,
        around: &Around,
    ) -> Vec<Fields> {
        let value = self.switched(number, switch, &around.scope);
        self.chosen(number, id, after, around, |this, id, inside| {
            let mut cases = Vec::new();
            for case in switch.cases.keys().filter(|case| *case != DEFAULT) {
                let property = format!("cases[{case:?}]");
                let when = match &value {
                    Some((path, variable_type)) => match variable_type.read(&Value::from(case.as_str())) {
                        Ok(Value::Object(_)) | Err(_) => {
                            let message = format!(
                                "is no value of the type `{}`, which the variable has",
                                variable_type.word()
                            );
                            this.found(Rule::SwitchCase, number, &property, message);
                            continue;
                        }
                        Ok(Value::String(text)) => format!("{path} == {}", crate::condition::quoted(&text)),
                        Ok(value) => format!("{path} == {value}"),
                    },
                    None => continue,
                };
                let body = list(this.branch(number, &property, inside));
                cases.push(Value::Object(map([("when", Value::from(when)), ("do", body)])));
            }
            let default = switch.cases.contains_key(DEFAULT);
            let default = match default {
                true => Some(this.branch(number, &format!("cases[{DEFAULT:?}]"), inside)),
                false => this.no_branch(number, id, inside),
            };
            let default = default.map(list);
            if cases.is_empty() {
                // There is the default alone.
                let then = default.unwrap_or_else(|| list(Vec::new()));
                return step(id, [("if", Value::from("true")), ("then", then)]);
            }
            let mut fields = step(id, [("cases", Value::Array(cases))]);
            set(&mut fields, "default", default);
            fields
        })
    }

    /// A choice, in a loop of one round where it has a timeout or handles its failure.
    fn chosen(
        &mut self,
        number: usize,
        id: &str,
        after: &After,
        around: &Around,
        choice: impl FnOnce(&mut Self, &str, &Around) -> Fields,
    ) -> Vec<Fields> {
        let timeout = self.timeout(number);
        let wraps = timeout.is_some() || after.failure.is_some();
        let Some(mut inside) = self.inside(number, "", around, wraps) else { return Vec::new() };
        if !wraps {
            inside.stop = self.shared(number, around).unwrap_or_default();
            return vec![choice(self, id, &inside)];
        }
        let own = self.names.step(id, "choice");
        let choice = choice(self, &own, &inside);
        vec![self.wrapped(id, vec![choice], timeout, after)]
    }

    /// What is done where no branch fits: nothing, after which the path ends, also where branches go on to what they share.
    fn no_branch(&mut self, number: usize, id: &str, inside: &Around) -> Option<Vec<Fields>> {
        inside.stop.as_ref()?;
        let end = self.names.step(id, "end");
        Some(vec![self.path_end(number, &end, inside)])
    }

    /// A branch of a choice.
    fn branch(&mut self, number: usize, property: &str, inside: &Around) -> Vec<Fields> {
        let entry = self.graph.branches(number).into_iter().find(|(name, _)| name == property);
        let Some((_, entry)) = entry else { return Vec::new() };
        let body = format!("{property} of `{}`", self.graph.id(number));
        // Several values may lead to the same branch.
        let same = self.graph.branches(number).into_iter().filter(|(_, to)| *to == entry).count() > 1;
        if same && inside.stop.as_ref().is_none_or(|(first, _)| *first != entry) && !self.graph.is_end(entry)
        {
            let message = "is the first step of several branches that other steps follow than these; let the branches end, and the \
                           step go on to what they share";
            self.found(Rule::SharedStep, number, property, message);
            return Vec::new();
        }
        self.nested(entry, &Around { body, ..inside.clone() })
    }

    /// The native form of a condition.
    pub(super) fn condition(&mut self, number: usize, text: &str, scope: &Scope) -> String {
        let names = std::cell::RefCell::new(&mut self.names);
        let secret = std::cell::Cell::new(false);
        let read = |name: &str| {
            let binding = scope.read(&VariableName::read(name)?, &mut names.borrow_mut())?;
            secret.set(secret.get() || binding.secret.is_some());
            Some(Reading { expression: binding.path(), kind: binding.kind() })
        };
        let written = parse(text).and_then(|expression| native(&expression, &read));
        let is_secret = secret.get();
        match written {
            Ok(_) if is_secret => {
                self.found(
                    Rule::SecretVariable,
                    number,
                    "condition",
                    "reads a variable that is a credential",
                );
                "false".to_owned()
            }
            Ok(native) if native.len() > TEMPLATE_SOURCE_BYTES => {
                let message =
                    "is too long, once what has to be known for it is said: fewer comparisons are needed";
                self.found(Rule::Condition, number, "condition", message);
                "false".to_owned()
            }
            Ok(native) => native,
            Err(error) => {
                self.found(Rule::Condition, number, "condition", format!(", {error}"));
                "false".to_owned()
            }
        }
    }

    /// The variable that a switch asks for.
    fn switched(
        &mut self,
        number: usize,
        switch: &SwitchCondition,
        scope: &Scope,
    ) -> Option<(String, crate::model::VariableType)> {
        let text = switch.switch.trim();
        let name = text.strip_suffix(":value").unwrap_or(text);
        let is_dictionary = |name: &str| scope.has(name).map(|_| false);
        let is_one =
            matches!(parts(&format!("{name}:value"), &is_dictionary).as_deref(), Ok([Part::Variable(..)]));
        let binding = VariableName::read(name).and_then(|name| scope.read(&name, &mut self.names));
        match binding {
            Some(binding) if binding.secret.is_some() => {
                self.found(Rule::SecretVariable, number, "switch", "reads a variable that is a credential");
                None
            }
            Some(binding) if is_one => Some((binding.path(), binding.variable_type)),
            _ => {
                let message = "is no variable that the step sees: `__severity__:value` is needed";
                self.found(Rule::SwitchVariable, number, "switch", message);
                None
            }
        }
    }
}

/// The case of all values that no other case has.
const DEFAULT: &str = "default";
