//! Variables, and the names of variables in lists of arguments.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::{Context, Properties};
use crate::model::{Variable, VariableName, VariableType};
use crate::path::{item, property, short};
use crate::rule::Rule;

/// What a name of a variable is.
const NAME: &str = "is no name of a variable: two underscores, a letter, at most 199 more letters, digits, `_` or `-`, two underscores";

/// The variables of a dictionary; the path of the context is its path.
pub(super) fn all(fields: Properties<'_>, context: &mut Context<'_>) -> BTreeMap<VariableName, Variable> {
    let mut variables = BTreeMap::new();
    for (text, value) in fields.0 {
        match VariableName::read(text) {
            Some(name) => {
                variables.insert(name, read(Properties::of(value)));
            }
            None => {
                let path = property(&context.path, text);
                context.tell(Rule::VariableName, &path, format!("{:?} {NAME}", short(text)));
            }
        }
    }
    variables
}

fn read(fields: Properties<'_>) -> Variable {
    Variable {
        variable_type: VariableType::of(&fields.text_or_empty("type")),
        description: fields.text("description"),
        value: fields.0.get("value").cloned().unwrap_or(Value::Null),
        constant: fields.flag("constant"),
        external: fields.flag("external"),
    }
}

/// The variables that a list of arguments names.
pub(super) fn arguments(
    fields: Properties<'_>,
    list: &'static str,
    context: &mut Context<'_>,
) -> Vec<VariableName> {
    let path = property(&context.path, list);
    let mut names = Vec::new();
    for (number, text) in fields.list(list).iter().enumerate() {
        let Some(text) = text.as_str() else { continue };
        let bare = text.strip_suffix(":value");
        match VariableName::read(bare.unwrap_or(text)) {
            Some(name) => {
                if bare.is_some() {
                    let message =
                        format!("is the name alone, `{name}`; `:value` reads one where a text is written");
                    context.tell(Rule::ArgumentForm, &item(&path, number), message);
                }
                names.push(name);
            }
            None => {
                let message = format!("{:?} {NAME}", short(text));
                context.tell(Rule::VariableName, &item(&path, number), message);
            }
        }
    }
    names
}
