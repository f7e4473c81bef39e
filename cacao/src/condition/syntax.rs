//! The tree of a condition, and how it is written. Owns what is printed; a printed condition is read as the same tree.

use std::fmt;

/// A place in a text, in characters from 1. All places are equal: two conditions are the same wherever they stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Column(pub usize);

impl PartialEq for Column {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Column {}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All of these, two or more.
    And(Vec<Expression>),
    /// One of these, two or more.
    Or(Vec<Expression>),
    /// One comparison.
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What is compared.
    pub path: ObjectPath,
    /// Whether `NOT` stands before the operator, or before `EXISTS`.
    pub negated: bool,
    /// How it is compared, and with what.
    pub compare: Compare,
}

/// An operator with its right side.
#[derive(Debug, Clone, PartialEq)]
pub enum Compare {
    /// `=`, `!=`, `<` and their like.
    Order(StixOrder, Operand),
    /// `IN`: one of a set.
    In(Vec<Literal>),
    /// `LIKE`: `%` is any text, `_` any character.
    Like(String),
    /// `MATCHES`: a regular expression.
    Matches(String),
    /// `ISSUBSET`: inside of a network.
    Subset(String),
    /// `ISSUPERSET`: a network that contains another one.
    Superset(String),
    /// `EXISTS`: known at all.
    Exists,
}

/// An operator of equality or order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StixOrder {
    /// `=`, also written `==`.
    Equal,
    /// `!=`, also written `<>`.
    Unequal,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value that is written out.
    Literal(Literal),
    /// A variable, which STIX does not have there.
    Path(ObjectPath),
}

/// A value that is written out. Numbers are kept as they are written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `'text'`.
    Text(String),
    /// `42`.
    Integer(String),
    /// `1.5`.
    Float(String),
    /// `true`.
    Bool(bool),
    /// `t'2026-01-31T11:00:00Z'`.
    Timestamp(String),
    /// `h'ff00'`.
    Hex(String),
    /// `b'/wA='`.
    Binary(String),
}

/// An object path: `__alert__:value.hosts[0]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPath {
    /// What stands before the colon: the name of a variable.
    pub object: String,
    /// What stands behind it: `value`.
    pub property: String,
    /// What follows, into a dictionary.
    pub steps: Vec<ObjectStep>,
    /// Where it stands.
    pub column: Column,
}

/// A step of an object path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectStep {
    /// `.name` or `.'any name'`.
    Key(String),
    /// `[0]`.
    Index(String),
    /// `[*]`.
    Any,
}

impl StixOrder {
    /// The operator as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::Test(test) => return test.fmt(f),
            Self::And(parts) => (parts, " AND "),
            Self::Or(parts) => (parts, " OR "),
        };
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(word)?;
            }
            match part {
                Self::Test(test) => test.fmt(f)?,
                // `AND` binds tighter, so that it needs no brackets in an `OR`.
                Self::And(_) if matches!(self, Self::Or(_)) => part.fmt(f)?,
                Self::And(_) | Self::Or(_) => write!(f, "({part})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, negated, compare } = self;
        if matches!(compare, Compare::Exists) {
            return write!(f, "{}EXISTS {path}", if *negated { "NOT " } else { "" });
        }
        write!(f, "{path}{}", if *negated { " NOT" } else { "" })?;
        match compare {
            Compare::Order(order, operand) => write!(f, " {} {operand}", order.as_str()),
            Compare::In(literals) => {
                f.write_str(" IN (")?;
                for (at, literal) in literals.iter().enumerate() {
                    write!(f, "{}{literal}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Compare::Like(text) => write!(f, " LIKE {}", Quoted(text)),
            Compare::Matches(text) => write!(f, " MATCHES {}", Quoted(text)),
            Compare::Subset(text) => write!(f, " ISSUBSET {}", Quoted(text)),
            Compare::Superset(text) => write!(f, " ISSUPERSET {}", Quoted(text)),
            Compare::Exists => Ok(()),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Integer(digits) | Self::Float(digits) => f.write_str(digits),
            Self::Bool(value) => value.fmt(f),
            Self::Timestamp(text) => write!(f, "t'{text}'"),
            Self::Hex(text) => write!(f, "h'{text}'"),
            Self::Binary(text) => write!(f, "b'{text}'"),
        }
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.object, key(&self.property))?;
        for step in &self.steps {
            match step {
                ObjectStep::Key(name) => write!(f, ".{}", key(name))?,
                ObjectStep::Index(at) => write!(f, "[{at}]")?,
                ObjectStep::Any => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// A key as it is written: in quotes where it is no plain name.
fn key(name: &str) -> String {
    if super::lex::is_plain(name) { name.to_owned() } else { Quoted(name).to_string() }
}

/// A text in quotes.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}
