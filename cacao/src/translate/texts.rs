//! Texts with references as native templates. Owns that a value stays where it is printed, that a text without references stays as it
//! is, and that a value which is unknown is never printed.

use updraft_protocol::limits::TEMPLATE_SOURCE_BYTES;

use crate::condition::{StixKind, quoted};
use crate::rule::Rule;

use super::Translator;
use super::references::{Part, Undeclared, bare_names, literal, parts, plain};
use super::scope::{Binding, Scope};

/// What a text becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text in which values are printed.
    Printed,
    /// A URL, whose braces are encoded.
    Url,
    /// The command of a shell, in which each value is a word.
    Shell,
}

/// What a dictionary has under a key, as a text: what it is is known only when it is read. What is not known is not printed.
pub(crate) fn part_as_text(expression: &str) -> String {
    format!(
        "{expression} if {expression} is string else {expression}|to_json if {expression} is not none else \
         ({expression} if {expression} is not none)"
    )
}

impl Translator<'_> {
    /// The parts of a text; what it refers to and nobody declares is refused.
    pub(super) fn parts<'t>(
        &mut self,
        (number, property): (usize, &str),
        text: &'t str,
        scope: &Scope,
    ) -> Vec<Part<'t>> {
        let is_dictionary =
            |name: &str| scope.has(name).map(|kind| kind == crate::model::VariableType::Dictionary);
        match parts(text, &is_dictionary) {
            Ok(parts) => parts,
            Err(Undeclared(name)) => {
                self.undeclared(number, property, &name, scope);
                Vec::new()
            }
        }
    }

    /// A text as a native template.
    pub(super) fn text(
        &mut self,
        (number, property): (usize, &str),
        text: &str,
        scope: &Scope,
        form: Form,
    ) -> String {
        let parts = self.parts((number, property), text, scope);
        self.bare((number, property), &parts, scope);
        let refers = parts.iter().any(|part| matches!(part, Part::Variable(..)));
        if !refers && form != Form::Url {
            return plain(text);
        }
        let alone = parts.len() == 1;
        let mut template = String::new();
        for part in &parts {
            match part {
                Part::Text(text) if form == Form::Url => {
                    template.push_str(&text.replace('{', "%7B").replace('}', "%7D"));
                }
                Part::Text(text) => template.push_str(&literal(text)),
                Part::Variable(name, keys) => {
                    let Some((expression, kind)) = self.reading((number, property), name, keys, scope) else {
                        continue;
                    };
                    let printed = match (form, kind) {
                        (Form::Printed, Some(StixKind::Number | StixKind::Bool)) if alone => {
                            format!("{expression}|string")
                        }
                        (Form::Printed, Some(StixKind::Dictionary)) => format!("{expression}|to_json"),
                        (Form::Printed, None) => part_as_text(&expression),
                        _ => expression,
                    };
                    template.push_str(&format!("{{{{ {printed} }}}}"));
                }
            }
        }
        if template.len() > TEMPLATE_SOURCE_BYTES {
            let message = format!(
                "has values in a text of more than {TEMPLATE_SOURCE_BYTES} bytes, once they are referred to"
            );
            self.found(Rule::Translation, number, property, message);
        }
        template
    }

    /// The expression that reads a variable, or what keys lead to in it, with what it is if that is known.
    pub(super) fn reading(
        &mut self,
        (number, property): (usize, &str),
        name: &crate::model::VariableName,
        keys: &[String],
        scope: &Scope,
    ) -> Option<(String, Option<StixKind>)> {
        let binding = scope.read(name, &mut self.names)?;
        if binding.secret.is_some() {
            let message = format!(
                "prints `{name}`, which is a credential; a credential stands in `authentication_info` alone"
            );
            self.found(Rule::SecretVariable, number, property, message);
            return None;
        }
        let kind = binding.kind();
        if keys.is_empty() {
            return Some((binding.known(), Some(kind)));
        }
        // Nothing is under a key of what is not known, and what is undefined is never printed.
        let keys: String = keys.iter().map(|key| format!("[{}]", quoted(key))).collect();
        Some((format!("{}{keys}", binding.path()), None))
    }

    /// Refuses a declared variable that is named without `:value`.
    pub(super) fn bare(&mut self, (number, property): (usize, &str), parts: &[Part<'_>], scope: &Scope) {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(*text),
            Part::Variable(..) => None,
        });
        let named = texts.flat_map(bare_names).find(|name| scope.has(name.as_str()).is_some());
        if let Some(name) = named {
            let message =
                format!("names the variable `{name}`; to read its value it is written `{name}:value`");
            self.found(Rule::VariableWithoutValue, number, property, message);
        }
    }

    /// What a step writes; `None`, and a finding, where it is nothing that steps may write.
    pub(super) fn written_binding(
        &mut self,
        number: usize,
        name: &crate::model::VariableName,
        scope: &Scope,
    ) -> Option<Binding> {
        let binding = scope.write(name, &mut self.names)?;
        let message = match &binding {
            Binding { keeps: true, .. } => format!("writes `{name}`, which is a constant"),
            Binding { secret: Some(_), .. } => format!("writes `{name}`, which is a credential"),
            Binding { connects: true, .. } => {
                format!(
                    "writes `{name}`, which is in an address: what is connected to is the operator's to say"
                )
            }
            _ => return Some(binding),
        };
        self.found(Rule::OutArgs, number, "out_args", message);
        None
    }
}
