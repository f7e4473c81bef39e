//! Reasons: errors of the parser and the evaluator as sentences, without data of the execution.

use cel::{ExecutionError, ParseErrors};

/// Characters of the parser's own message that are shown.
const SHOWN: usize = 200;

/// The first error of the parser, with its place.
pub(super) fn syntax(errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else {
        return "not a condition".to_owned();
    };
    let message: String = error.msg.chars().take(SHOWN).collect();
    format!("line {}, column {}: {message}", error.pos.0, error.pos.1)
}

/// Why a condition cannot be decided. A name is shown where it stands in `source`: any other comes from
/// the data.
pub(super) fn reason(error: &ExecutionError, source: &str) -> String {
    match error {
        ExecutionError::NoSuchKey(key) if source.contains(key.as_str()) => format!("there is no `{key}`"),
        ExecutionError::NoSuchKey(_) => "there is no such key".to_owned(),
        ExecutionError::NoSuchOverload(error) => error.to_string(),
        ExecutionError::UnexpectedType { got, want } => format!("a value is of type {got}, not {want}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("{actual} arguments where {expected} are needed")
        }
        ExecutionError::UndeclaredReference(name) if source.contains(name.as_str()) => {
            format!("`{name}` is not known")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds".to_owned(),
        ExecutionError::ValuesNotComparable(..) => "values of these types cannot be compared".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("`{operator}` does not take values of these types")
        }
        ExecutionError::DuplicateKey(_) => "a key is there twice".to_owned(),
        ExecutionError::FunctionError { function, message } if function == "@" => message.clone(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        _ => "it cannot be decided".to_owned(),
    }
}
