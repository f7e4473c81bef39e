//! Variables: their names, and what a playbook or a step declares of one.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use updraft_protocol::Value;

use super::VariableType;

/// The most bytes between the underscores of a name.
const INNER_BYTES: usize = 200;

/// The name of a variable with its underscores: `__host__`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(Arc<str>);

impl VariableName {
    /// The name, `None` if the text is none: two underscores, a letter or an underscore, at most 199 letters, digits, `_` or `-`,
    /// two underscores.
    pub fn read(text: &str) -> Option<Self> {
        let inner = text.strip_prefix("__")?.strip_suffix("__")?;
        let first = inner.bytes().next()?;
        let fits = (first.is_ascii_alphabetic() || first == b'_')
            && inner.len() <= INNER_BYTES
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        fits.then(|| Self(text.into()))
    }

    /// The name with its underscores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its underscores.
    pub fn inner(&self) -> &str {
        self.0.get(2..self.0.len().saturating_sub(2)).unwrap_or_default()
    }
}

impl Borrow<str> for VariableName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A variable, as a playbook or a step declares it. Its value may be a credential, and `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub struct Variable {
    /// What its values are.
    pub variable_type: VariableType,
    /// For people.
    pub description: Option<String>,
    /// Its first value as the file has it, a text or of a dictionary a map; `null` where it is not known.
    /// [`VariableType::read`] gives it by its type.
    pub value: Value,
    /// Whether it keeps this value.
    pub constant: bool,
    /// Whether who runs the playbook gives its first value.
    pub external: bool,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable")
            .field("variable_type", &self.variable_type)
            .field("constant", &self.constant)
            .field("external", &self.external)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_two_underscores_on_each_side() {
        for (text, inner) in
            [("__a__", "a"), ("__a-1__", "a-1"), ("______", "__"), ("_____", "_"), ("___a___", "_a_")]
        {
            assert_eq!(VariableName::read(text).unwrap().inner(), inner, "{text}");
        }
        let long = format!("__{}__", "a".repeat(201));
        for text in
            ["", "____", "a", "__a", "a__", "__1__", "__-__", "__a b__", "__ä__", "__a__:value", &long]
        {
            assert_eq!(VariableName::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_is_not_shown() {
        let variable = Variable {
            variable_type: VariableType::String,
            description: None,
            value: Value::from("hunter2"),
            constant: false,
            external: false,
        };
        assert!(!format!("{variable:?}").contains("hunter2"));
    }
}
