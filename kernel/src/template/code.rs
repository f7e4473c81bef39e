//! The code that a template is compiled to: expressions and statements with resolved names, filters and tests. Owns its
//! shape and its size in memory; evaluates no expression.

use super::allowed::{OnMatches, OnValues, Test};
use super::pattern::{Pattern, Search};
use super::url::Asked;
use super::value::Operand;
use crate::meter::{Meter, Result};

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Const(Operand),
    Path(Box<Path>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Both(Box<(Expr, Expr)>),
    Either(Box<(Expr, Expr)>),
    Operator(Operator, Box<(Expr, Expr)>),
    /// `a < b <= c`: each is evaluated once.
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    Choice(Box<Choice>),
    Slice(Box<Slice>),
    Filter(Box<FilterCall>),
    /// A filter that applies a named filter or test to each item.
    Each(Box<EachCall>),
    Test(Box<TestCall>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
    Join,
}

/// A comparison of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// The result of a path that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// An error that names it.
    Fails,
    /// Undefined, for `default` and `is defined`.
    Passes,
}

/// `steps.lookup.output.score`.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) base: Base,
    pub(super) keys: Vec<Key>,
    pub(super) missing: Missing,
}

/// The start of a path.
#[derive(Debug)]
pub(super) enum Base {
    Input,
    Variables,
    Constants,
    Steps,
    /// The instant at which the task began.
    Now,
    /// A name that a loop around the step gives.
    Local(Box<str>),
    /// A name that the template sets.
    Slot(usize, Box<str>),
    Loop(LoopField),
    Expr(Expr),
}

/// A field of the current loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopField {
    Index,
    Index0,
    RevIndex,
    RevIndex0,
    First,
    Last,
    Length,
    Depth,
    Depth0,
}

/// A key of a path.
#[derive(Debug)]
pub(super) enum Key {
    /// `.name`
    Name(Box<str>),
    /// `['name']`
    Text(Box<str>),
    /// `[3]`
    Index(i64),
    /// `[…]`
    Computed(Expr),
}

/// `a if b else c`.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) test: Expr,
    pub(super) yes: Expr,
    pub(super) no: Option<Expr>,
    pub(super) missing: Missing,
}

/// `a[b:c:d]`.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) value: Expr,
    pub(super) start: Option<Expr>,
    pub(super) stop: Option<Expr>,
    pub(super) step: Option<Expr>,
}

/// A filter and its operand.
#[derive(Debug)]
pub(super) struct FilterCall {
    pub(super) filter: ReadyFilter,
    pub(super) operand: Expr,
    pub(super) missing: Missing,
}

/// A filter with its arguments in the order of its parameters, and with its pattern if it searches.
#[derive(Debug)]
pub(super) struct ReadyFilter {
    pub(super) name: &'static str,
    pub(super) work: ReadyWork,
    pub(super) args: Vec<Option<Expr>>,
}

/// What a filter does.
#[derive(Debug)]
pub(super) enum ReadyWork {
    Values(OnValues),
    Search(OnMatches, Box<Search>),
}

impl ReadyFilter {
    /// The result for an operand and evaluated arguments.
    pub(super) fn run(&self, meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
        match &self.work {
            ReadyWork::Values(run) => run(meter, value, args),
            ReadyWork::Search(run, search) => run(meter, search, value, args),
        }
    }
}

/// `map`, `select`, `reject`, `selectattr` or `rejectattr`.
#[derive(Debug)]
pub(super) struct EachCall {
    pub(super) name: &'static str,
    pub(super) operand: Expr,
    /// The attribute of each item.
    pub(super) attribute: Option<Expr>,
    /// The value for a missing attribute.
    pub(super) default: Option<Expr>,
    pub(super) apply: Apply,
}

/// The operation on each item.
#[derive(Debug)]
pub(super) enum Apply {
    /// It is kept as it is: `map(attribute=…)`.
    Nothing,
    Filter(ReadyFilter),
    /// It is kept if the test gives this result.
    Test(Check, bool),
}

/// A test with its arguments.
#[derive(Debug)]
pub(super) enum Check {
    /// Whether it counts as true.
    Truth,
    Plain(&'static Test, Vec<Option<Expr>>),
    Matching(Box<Pattern>),
}

/// `operand is test`.
#[derive(Debug)]
pub(super) struct TestCall {
    pub(super) operand: Expr,
    pub(super) check: Check,
}

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    Print(Expr),
    /// Prints a value of a URL that the author allows to be structure.
    Structure(Asked, Expr),
    /// In a URL, a branch begins here, which may print or not.
    Branch,
    If {
        test: Expr,
        yes: Vec<Statement>,
        no: Vec<Statement>,
    },
    For(Box<For>),
    Set(Target, Expr),
}

/// A loop.
#[derive(Debug)]
pub(super) struct For {
    pub(super) target: Target,
    pub(super) over: Expr,
    pub(super) filter: Option<Expr>,
    pub(super) body: Vec<Statement>,
    pub(super) otherwise: Vec<Statement>,
    /// The names that are undefined at the start of each turn.
    pub(super) slots: std::ops::Range<usize>,
}

/// The target of an assignment.
#[derive(Debug)]
pub(super) enum Target {
    Slot(usize),
    Several(Vec<Target>),
}

/// The code of a compiled text.
#[derive(Debug)]
pub(super) enum Body {
    /// One whole `{{ … }}`, or a condition: its value keeps its type.
    Operand(Expr),
    /// A text.
    Text(Vec<Statement>),
}

/// The approximate memory of each part of a template beside its texts, including the unused rest of allocations.
pub(super) const NODE_BYTES: usize = 128;

const _: () = assert!(size_of::<Expr>() <= 64 && size_of::<Key>() <= 72);
