//! Conditions as native expressions. Owns what is compared with what: numbers by what they are worth, texts by their
//! characters, and nothing with what has no type in common with it. What is unknown is compared with nothing: each such
//! comparison is false, a negated one too; `NOT EXISTS` alone is true. Values never stand in the text of an expression; literals stand
//! there quoted.

use super::network::Network;
use super::{Compare, Error, Expression, Literal, ObjectPath, ObjectStep, Operand, StixOrder, Test, like};

/// What a variable may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StixKind {
    /// A text.
    Text,
    /// Hexadecimal digits.
    Hex,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A dictionary.
    Dictionary,
}

/// How a variable is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The native expression that reads it: `variables['__count__']`.
    pub expression: String,
    /// What it may be.
    pub kind: StixKind,
}

/// The native condition; `read` says how a variable is read, by its name.
///
/// # Errors
/// The first comparison that makes no sense, with its column.
pub fn native(expression: &Expression, read: &dyn Fn(&str) -> Option<Reading>) -> Result<String, Error> {
    Ok(match expression {
        Expression::Test(test) => written(test, read)?,
        Expression::And(parts) => joined(&all(parts, read)?, " and "),
        Expression::Or(parts) => joined(&all(parts, read)?, " or "),
    })
}

/// A text as a literal of the native language.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Recurses for brackets, whose depth the parser bounds.
fn all(parts: &[Expression], read: &dyn Fn(&str) -> Option<Reading>) -> Result<Vec<String>, Error> {
    parts.iter().map(|part| native(part, read).map(|text| format!("({text})"))).collect()
}

/// The parts with a word between them, in groups: the native language has at most so many operators in a row.
fn joined(parts: &[String], word: &str) -> String {
    const IN_A_ROW: usize = 8;
    if parts.len() <= IN_A_ROW {
        return parts.join(word);
    }
    let groups = parts.chunks(parts.len().div_ceil(IN_A_ROW));
    let groups: Vec<String> = groups.map(|group| format!("({})", joined(group, word))).collect();
    groups.join(word)
}

/// What a path leads to.
struct Value {
    expression: String,
    /// What has to hold so that it is known.
    known: Vec<String>,
    /// What it is; of what is inside a dictionary that is seen when the condition is decided.
    kind: Option<StixKind>,
}

fn value(path: &ObjectPath, read: &dyn Fn(&str) -> Option<Reading>) -> Result<Value, Error> {
    let wrong = |message: String| Error::at(path.column, message);
    let Some(reading) = read(&path.object) else {
        return Err(wrong(format!("there is no variable `{}` here", path.object)));
    };
    if path.property != "value" {
        let message =
            format!("a variable is read as `{0}:value`, not as `{0}:{1}`", path.object, path.property);
        return Err(wrong(message));
    }
    let mut value = Value {
        known: vec![format!("{} is not none", reading.expression)],
        expression: reading.expression,
        kind: Some(reading.kind),
    };
    if path.steps.len() > PATH_STEPS {
        return Err(wrong(format!("a path goes at most {PATH_STEPS} keys into a dictionary")));
    }
    for step in &path.steps {
        if !matches!(value.kind, None | Some(StixKind::Dictionary)) {
            return Err(wrong(format!("`{}` is no dictionary, so that it has no keys", path.object)));
        }
        let (is, at) = match step {
            ObjectStep::Key(name) => ("mapping", quoted(name)),
            ObjectStep::Index(at) => ("sequence", index(at).ok_or_else(|| wrong(format!("no index: {at}")))?),
            ObjectStep::Any => {
                return Err(wrong(
                    "`[*]`, any item of a list, cannot be asked here; name one: `[0]`".to_owned(),
                ));
            }
        };
        // In brackets, as the native language has at most so many operators in a row outside of them.
        value.known.push(format!("({} is {is})", value.expression));
        value.expression = format!("{}[{at}]", value.expression);
        value.known.push(format!("({} is defined)", value.expression));
        value.known.push(format!("({} is not none)", value.expression));
        value.kind = None;
    }
    Ok(value)
}

/// How far a path may go into a dictionary.
const PATH_STEPS: usize = 6;

fn index(digits: &str) -> Option<String> {
    digits.parse::<i32>().ok().map(|at| at.to_string())
}

fn written(test: &Test, read: &dyn Fn(&str) -> Option<Reading>) -> Result<String, Error> {
    let mut left = value(&test.path, read)?;
    let wrong = |message: String| Error::at(test.path.column, message);
    let holds = match &test.compare {
        Compare::Exists => None,
        Compare::Order(order, Operand::Literal(literal)) => {
            Some(with_literal(&mut left, *order, literal).map_err(wrong)?)
        }
        Compare::Order(order, Operand::Path(path)) => {
            let right = value(path, read)?;
            Some(with_path(&mut left, *order, right).map_err(wrong)?)
        }
        Compare::In(literals) => Some(with_set(&left, literals).map_err(wrong)?),
        Compare::Like(text) => Some(matching(&mut left, &like::regex_of(text)).map_err(wrong)?),
        Compare::Matches(regex) => Some(matching(&mut left, regex).map_err(wrong)?),
        Compare::Subset(text) | Compare::Superset(text) => {
            text_needed(&mut left, "a network").map_err(wrong)?;
            let network = Network::read(text)
                .ok_or_else(|| wrong(format!("`{text}` is no network; needed is one such as 10.0.0.0/8")))?;
            Some(match test.compare {
                Compare::Subset(_) => network.contains(&left.expression),
                _ => network.is_inside(&left.expression),
            })
        }
    };
    let not = if test.negated { "not " } else { "" };
    if holds.is_none() && test.negated {
        return Ok(format!("not ({})", left.known.join(" and ")));
    }
    left.known.extend(holds.map(|holds| format!("{not}({holds})")));
    Ok(left.known.join(" and "))
}

/// A literal as a native one, with what the other side has to be.
fn native_literal(literal: &Literal) -> Result<(StixKind, String), String> {
    /// As many digits as every number keeps.
    const WHOLE_DIGITS: usize = 18;
    const FRACTION_DIGITS: usize = 15;
    let digits = |number: &str| number.chars().filter(char::is_ascii_digit).count();
    Ok(match literal {
        Literal::Text(text) => (StixKind::Text, quoted(text)),
        Literal::Bool(value) => (StixKind::Bool, value.to_string()),
        Literal::Integer(number) if digits(number) <= WHOLE_DIGITS => {
            (StixKind::Number, number.trim_start_matches('+').to_owned())
        }
        Literal::Integer(_) => return Err(format!("a whole number has at most {WHOLE_DIGITS} digits here")),
        Literal::Float(number) if digits(number) <= FRACTION_DIGITS => {
            let (sign, number) = number.strip_prefix('-').map_or(("", number.as_str()), |rest| ("-", rest));
            let (whole, fraction) = number.trim_start_matches('+').split_once('.').unwrap_or((number, "0"));
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            (StixKind::Number, format!("{sign}{whole}.{fraction}"))
        }
        Literal::Float(_) => return Err(format!("a fraction has at most {FRACTION_DIGITS} digits here")),
        Literal::Timestamp(text) => (StixKind::Text, quoted(text)),
        Literal::Hex(text) => (StixKind::Hex, quoted(&text.to_ascii_lowercase())),
        Literal::Binary(text) => (StixKind::Hex, quoted(&hex_of(text)?)),
    })
}

fn hex_of(base64: &str) -> Result<String, String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
    let bytes = bytes.map_err(|error| format!("b'{base64}' is no base64: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds that a value inside of a dictionary is of this kind, or refuses one that never is.
fn agreed(value: &mut Value, kind: StixKind) -> Result<(), String> {
    match (value.kind, kind) {
        (None, kind) => value.known.push(format!("{} is {}", value.expression, test_of(kind))),
        (Some(StixKind::Dictionary), _) => {
            return Err("a dictionary is compared by its keys: `__alert__:value.host`".to_owned());
        }
        (Some(StixKind::Hex), StixKind::Text) => {}
        (Some(own), kind) if own == kind => {}
        (Some(own), kind) => return Err(format!("{} is not compared with {}", word(own), word(kind))),
    }
    Ok(())
}

const fn test_of(kind: StixKind) -> &'static str {
    match kind {
        StixKind::Text | StixKind::Hex => "string",
        StixKind::Number => "number",
        StixKind::Bool => "boolean",
        StixKind::Dictionary => "mapping",
    }
}

const fn word(kind: StixKind) -> &'static str {
    match kind {
        StixKind::Text => "a text",
        StixKind::Hex => "a hexstring",
        StixKind::Number => "a number",
        StixKind::Bool => "true or false",
        StixKind::Dictionary => "a dictionary",
    }
}

const fn sign(order: StixOrder) -> &'static str {
    match order {
        StixOrder::Equal => "==",
        other => other.as_str(),
    }
}

/// An instant in UTC, as STIX writes it.
const INSTANT: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?Z$";

fn with_literal(left: &mut Value, order: StixOrder, literal: &Literal) -> Result<String, String> {
    let (kind, text) = native_literal(literal)?;
    agreed(left, kind)?;
    let (own, sign) = (&left.expression, sign(order));
    Ok(match literal {
        Literal::Timestamp(_) => {
            format!("{own} is matching({}) and {own}|date {sign} {text}|date", quoted(INSTANT))
        }
        Literal::Hex(_) | Literal::Binary(_) => format!("{own}|lower {sign} {text}"),
        _ => format!("{own} {sign} {text}"),
    })
}

fn with_path(left: &mut Value, order: StixOrder, mut right: Value) -> Result<String, String> {
    match (left.kind, right.kind) {
        (Some(kind), _) => agreed(&mut right, kind).and_then(|()| agreed(left, kind))?,
        (None, Some(kind)) => agreed(left, kind).and_then(|()| agreed(&mut right, kind))?,
        (None, None) => {
            let both =
                |kind: &str| format!("({} is {kind} and {} is {kind})", left.expression, right.expression);
            let kinds = ["number", "string", "boolean"];
            let kinds = if order_is_equality(order) { &kinds[..] } else { &kinds[..2] };
            let same: Vec<String> = kinds.iter().map(|kind| both(kind)).collect();
            right.known.push(format!("({})", same.join(" or ")));
        }
    }
    if let (Some(StixKind::Bool), false) = (left.kind.or(right.kind), order_is_equality(order)) {
        return Err(format!("`{}` does not compare true and false", order.as_str()));
    }
    left.known.append(&mut right.known);
    Ok(format!("{} {} {}", left.expression, sign(order), right.expression))
}

const fn order_is_equality(order: StixOrder) -> bool {
    matches!(order, StixOrder::Equal | StixOrder::Unequal)
}

fn with_set(left: &Value, literals: &[Literal]) -> Result<String, String> {
    let mut texts = Vec::new();
    let mut own = left.expression.clone();
    for literal in literals {
        if let Literal::Timestamp(_) = literal {
            return Err("a set of instants cannot be asked here; compare with each by `=`".to_owned());
        }
        let (kind, text) = native_literal(literal)?;
        if kind == StixKind::Hex {
            own = format!("{}|lower", left.expression);
        }
        match left.kind {
            None if kind == StixKind::Hex => {
                return Err("hexadecimal values inside of a dictionary are compared by `=`".to_owned());
            }
            None => {}
            Some(_) => agreed(&mut Value { known: Vec::new(), expression: String::new(), ..*left }, kind)?,
        }
        texts.push(text);
    }
    Ok(format!("{own} in [{}]", texts.join(", ")))
}

fn text_needed(left: &mut Value, with: &str) -> Result<(), String> {
    agreed(left, StixKind::Text)
        .map_err(|_| format!("{} is not compared with {with}", left.kind.map_or("this", word)))
}

fn matching(left: &mut Value, regex: &str) -> Result<String, String> {
    text_needed(left, "a pattern")?;
    like::check(regex)?;
    Ok(format!("{} is matching({})", left.expression, quoted(regex)))
}
