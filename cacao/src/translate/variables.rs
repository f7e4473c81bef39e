//! Variables of the playbook and of steps: their native variables, constants, types, first values and outputs. Owns that a value is
//! of its type; a value is never told, since it may be a credential.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Value;

use crate::finding::CacaoFinding;
use crate::model::{Variable, VariableName, VariableType, WorkflowStep, WorkflowStepKind};
use crate::rule::Rule;

use super::native::{Fields, step};
use super::references::{Part, parts, plain};
use super::scope::{Binding, Scope};
use super::{Translator, place};

/// The variables that a step writes.
pub(super) fn out_args(step: &WorkflowStep) -> &[VariableName] {
    match &step.kind {
        WorkflowStepKind::Action(action) => &action.out_args,
        WorkflowStepKind::PlaybookAction(action) => &action.out_args,
        _ => &[],
    }
}

/// The variables that a step says that it reads.
fn in_args(step: &WorkflowStep) -> &[VariableName] {
    match &step.kind {
        WorkflowStepKind::Action(action) => &action.in_args,
        WorkflowStepKind::PlaybookAction(action) => &action.in_args,
        _ => &[],
    }
}

impl Translator<'_> {
    /// The variables of the playbook.
    pub(super) fn playbook_variables(&mut self) -> Scope {
        let connecting = self.connecting();
        let mut bindings = BTreeMap::new();
        for (name, variable) in &self.playbook.variables {
            let secret = self.secrets.of_variable(name).map(str::to_owned);
            let native = self.names.variable(name.as_str());
            let is_constant = variable.constant && !variable.external && secret.is_none();
            let binding = Binding {
                native: native.clone(),
                variable_type: variable.variable_type.clone(),
                is_constant,
                keeps: variable.constant,
                may_be_null: variable.external || !variable.constant || variable.value.is_null(),
                connects: connecting.contains(name),
                secret,
            };
            if binding.secret.is_none() {
                let place = format!("playbook_variables.{name}.value");
                let object = self.playbook.id.clone();
                let value = self.value(variable, (object.as_str(), &place));
                self.declare(&binding, variable, value);
                if !variable.constant {
                    let value = Value::from(format!("{{{{ {} }}}}", binding.path()));
                    self.header.outputs.insert(name.as_str().to_owned(), value);
                }
            }
            bindings.insert(name.clone(), binding);
        }
        Scope::of(bindings)
    }

    fn value(&mut self, variable: &Variable, (object, place): (&str, &str)) -> Value {
        variable.variable_type.read(&variable.value).unwrap_or_else(|needed| {
            let message =
                format!("is no value of the type `{}`: {needed} is needed", variable.variable_type.word());
            self.findings.push(CacaoFinding::new(Rule::VariableValue, object, place, message));
            Value::Null
        })
    }

    fn declare(&mut self, binding: &Binding, variable: &Variable, value: Value) {
        let native = binding.native.clone();
        if binding.is_constant {
            self.header.constants.insert(native, value);
            return;
        }
        self.header.variables.insert(native, value);
        self.declare_type(binding, variable.description.as_deref());
    }

    /// Says what a variable may be.
    pub(super) fn declare_type(&mut self, binding: &Binding, description: Option<&str>) {
        let types = match binding.variable_type {
            VariableType::Bool => "boolean",
            VariableType::Dictionary => "object",
            VariableType::Float => "number",
            VariableType::Integer | VariableType::Long => "integer",
            _ => "string",
        };
        let types = Value::Array(vec![Value::from(types), Value::from("null")]);
        let mut schema = BTreeMap::from([("type".to_owned(), types)]);
        let pattern = binding.variable_type.pattern();
        schema.extend(pattern.map(|pattern| ("pattern".to_owned(), Value::from(pattern))));
        super::set(&mut schema, "description", description.map(str::to_owned));
        self.header.types.insert(binding.native.clone(), Value::Object(schema));
    }

    /// The variables of a step, and what sets them before it. Those that no step writes are native constants.
    pub(super) fn step_variables(&mut self, number: usize) -> (BTreeMap<VariableName, Binding>, Fields) {
        let (id, step) = (self.graph.id(number), self.graph.step(number));
        let (mut bindings, mut first) = (BTreeMap::new(), Fields::new());
        for (name, variable) in &step.variables {
            let place = format!("{}.step_variables.{name}.value", place(id));
            let value = self.value(variable, (id.as_str(), &place));
            let is_constant = variable.constant || !self.written.contains(name);
            let binding = Binding {
                native: self.names.variable(name.as_str()),
                variable_type: variable.variable_type.clone(),
                is_constant,
                keeps: variable.constant,
                may_be_null: !is_constant || value.is_null(),
                secret: None,
                connects: false,
            };
            if is_constant {
                self.header.constants.insert(binding.native.clone(), value);
            } else {
                self.declare_type(&binding, variable.description.as_deref());
                first.insert(binding.native.clone(), as_template(&value));
            }
            bindings.insert(name.clone(), binding);
        }
        (bindings, first)
    }

    /// Tells of the arguments of a step that are declared nowhere.
    pub(super) fn check_arguments(&mut self, number: usize, scope: &Scope) {
        let step = self.graph.step(number);
        for (property, names) in [("in_args", in_args(step)), ("out_args", out_args(step))] {
            for name in names.iter().filter(|name| scope.has(name.as_str()).is_none()) {
                self.undeclared(number, property, name.as_str(), scope);
            }
        }
    }

    /// Tells of a variable that is declared nowhere.
    pub(super) fn undeclared(&mut self, number: usize, property: &str, name: &str, scope: &Scope) {
        let names = scope.all();
        let near = updraft_protocol::suggest::suggestion(name, names.iter().map(String::as_str));
        let message = format!("`{name}` is declared nowhere that this step sees{near}");
        self.found(Rule::VariableUndeclared, number, property, message);
    }

    /// The step `start`: takes the values of external variables from the input.
    pub(super) fn start(&mut self, id: &str) -> Fields {
        let mut values = Fields::new();
        for (name, variable) in &self.playbook.variables {
            let (is_secret, connects) =
                (self.secrets.of_variable(name).is_some(), self.connecting().contains(name));
            if !variable.external || is_secret || connects {
                continue;
            }
            // The first variables have their own names, but for characters that names of variables have not.
            let native = self.names_of_playbook(name);
            let given = format!("input['{name}']");
            let value = converted(&given, &variable.variable_type);
            let expression = format!(
                "{{{{ {value} if input is mapping and {given} is defined else variables['{native}'] }}}}"
            );
            values.insert(native, Value::from(expression));
        }
        step(id, [("set", Value::Object(values))])
    }

    fn names_of_playbook(&self, name: &VariableName) -> String {
        let output = self.header.outputs.get(name.as_str()).and_then(Value::as_str);
        let path = output.and_then(|text| text.strip_prefix("{{ variables['")?.strip_suffix("'] }}"));
        path.map_or_else(|| name.as_str().to_owned(), str::to_owned)
    }

    /// The variables of the playbook to which URLs connect: those in addresses and ports.
    fn connecting(&self) -> BTreeSet<VariableName> {
        let known = |name: &str| self.playbook.variables.contains_key(name).then_some(false);
        let machines = self.playbook.agents.values().chain(self.playbook.targets.values());
        let machines = machines.filter_map(|one| one.kind.machine());
        let texts =
            machines.flat_map(|machine| machine.address.values.values().flatten().chain(&machine.port));
        let parts = texts.flat_map(|text| parts(text, &known).unwrap_or_default());
        let names = parts.filter_map(|part| match part {
            Part::Variable(name, _) => Some(name),
            Part::Text(_) => None,
        });
        names.collect()
    }
}

/// A value as a native template that gives it.
pub(super) fn as_template(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(plain(text)),
        Value::Array(items) => Value::Array(items.iter().map(as_template).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), as_template(value))).collect())
        }
        other => other.clone(),
    }
}

/// An expression whose value is one of this type: texts are read as such, all else is checked by the type of the variable.
pub(super) fn converted(expression: &str, variable_type: &VariableType) -> String {
    let filter = match variable_type {
        VariableType::Integer | VariableType::Long => "int",
        VariableType::Float => "float",
        VariableType::Bool => "bool",
        VariableType::Dictionary => "parse_json",
        _ => {
            return format!(
                "({expression} if {expression} is string or {expression} is none else {expression}|to_json)"
            );
        }
    };
    format!("({expression}|{filter} if {expression} is string else {expression})")
}
