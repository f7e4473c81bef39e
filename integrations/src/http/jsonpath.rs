//! JSONPath (RFC 9535) without `match` and `search`: the query as a tree. `parse` reads a query, and `evaluate` runs it
//! under a meter, because the evaluators of crates are not bounded, and their numbers are not exact.

mod compare;
mod evaluate;
mod meter;
mod number;
mod parse;
mod text;

use updraft_protocol::Value;

pub(crate) use evaluate::select;
pub(crate) use meter::Exhausted;

/// A query from the root of a value, or from the current node of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    segments: Vec<Segment>,
}

/// One step of a query: what it selects of the children, or of all descendants, of each node.
#[derive(Debug, Clone, PartialEq)]
struct Segment {
    descendant: bool,
    selectors: Vec<Selector>,
}

#[derive(Debug, Clone, PartialEq)]
enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Logical),
}

/// The condition of a filter.
#[derive(Debug, Clone, PartialEq)]
enum Logical {
    Any(Vec<Logical>),
    All(Vec<Logical>),
    Not(Box<Logical>),
    /// Whether the query matches anything.
    Exists(Origin, Query),
    Compare(Comparable, Operator, Comparable),
}

/// The start of a query in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// `$`: the whole value.
    Root,
    /// `@`: the current node of the filter.
    Current,
}

/// An expression with at most one value.
#[derive(Debug, Clone, PartialEq)]
enum Comparable {
    Literal(Value),
    /// A query that matches at most one node.
    Node(Origin, Query),
    /// `length()`: of a text, a list or a map.
    Length(Box<Comparable>),
    /// `count()`: how many nodes a query matches.
    Count(Origin, Query),
    /// `value()`: the value of the only node that a query matches.
    Value(Origin, Query),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Query {
    /// Reads a query. A mistake is returned as its place and what is needed there.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        parse::query(text)
    }

    /// Whether it matches at most one node, whatever the value is (RFC 9535, 2.3.5.1).
    pub(crate) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            let one = matches!(segment.selectors.as_slice(), [Selector::Name(_) | Selector::Index(_)]);
            one && !segment.descendant
        })
    }

    /// Whether its work is linear in the value: it visits each node at most a few times.
    pub(crate) fn is_linear(&self) -> bool {
        let descendants = self.segments.iter().filter(|segment| segment.descendant).count();
        let simple =
            |segment: &Segment| !matches!(segment.selectors.as_slice(), [Selector::Filter(_)] | [_, _, ..]);
        descendants <= 1 && self.segments.iter().all(simple)
    }
}

#[cfg(test)]
#[path = "jsonpath/tests.rs"]
mod tests;
