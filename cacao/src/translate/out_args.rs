//! Results of an action: what its last call gives, in the variables that the step writes. Owns where a value is looked for, by the kind
//! of call, and that a value which is missing or of another type fails the step.

use updraft_protocol::Value;

use crate::model::{ActionStep, VariableName};

use super::Translator;
use super::bodies::Around;
use super::native::{Fields, step};
use super::scope::Binding;
use super::variables::converted;

/// What a call gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// An answer of HTTP, as a text that may be JSON.
    Answer,
    /// The fields of a form.
    Form,
    /// What a command of a shell prints.
    Printed,
    /// A map.
    Map,
}

impl Translator<'_> {
    /// The steps that set what a step writes; the last call has the id `call`.
    pub(super) fn out(
        &mut self,
        number: usize,
        action: &ActionStep,
        (id, call): (&str, &str),
        gives: Gives,
        around: &Around,
    ) -> Vec<Fields> {
        let mut bindings: Vec<(&VariableName, Binding)> = Vec::new();
        for name in &action.out_args {
            bindings.extend(self.written_binding(number, name, &around.scope).map(|binding| (name, binding)));
        }
        if bindings.is_empty() {
            return Vec::new();
        }
        let given = format!("steps['{call}'].output");
        if gives == Gives::Form {
            let values = bindings.into_iter().map(|(name, binding)| {
                let value = format!("{{{{ {given}.data['{}'] }}}}", name.inner());
                (binding.native, Value::from(value))
            });
            let values = values.collect();
            let out = self.names.step(id, "out");
            return vec![step(&out, [("set", Value::Object(values))])];
        }
        // What is looked into is read once.
        let names = &mut self.names;
        let result =
            self.results.entry(around.path.clone()).or_insert_with(|| names.variable("result")).clone();
        let text = match gives {
            Gives::Printed => format!("{given}.stdout|replace_regex('\\\\n$', '')"),
            Gives::Answer => format!("{given}.body"),
            _ => given,
        };
        let found = match gives {
            Gives::Map => text,
            _ => format!(
                "(({text})|parse_json({text}) if {text} is string and {text} is matching('^[ \\\\t\\\\r\\\\n]*\\\\{{') else {text})"
            ),
        };
        let first = Fields::from([(result.clone(), Value::from(format!("{{{{ {found} }}}}")))]);
        let alone = bindings.len() == 1;
        let values = bindings.iter().map(|(name, binding)| {
            let value = picked(&format!("variables['{result}']"), name, alone && gives != Gives::Map);
            (
                binding.native.clone(),
                Value::from(format!("{{{{ {} }}}}", converted(&value, &binding.variable_type))),
            )
        });
        let values = values.collect();
        let (reads, sets) = (self.names.step(id, "result"), self.names.step(id, "out"));
        vec![step(&reads, [("set", Value::Object(first))]), step(&sets, [("set", Value::Object(values))])]
    }
}

/// The field of a result that a variable gets: the one that is called as the variable, with or without its underscores; or all of it,
/// where it is for one variable.
fn picked(result: &str, name: &VariableName, alone: bool) -> String {
    let (long, short) = (name.as_str(), name.inner());
    let has = |field: &str| format!("{result} is mapping and {result}['{field}'] is defined");
    let whole = name.as_str().starts_with("__soarca_") && name.as_str().ends_with("_result__");
    let rest = if alone || whole { format!(" else {result}") } else { String::new() };
    format!("({result}['{long}'] if {} else {result}['{short}'] if {}{rest})", has(long), has(short))
}
