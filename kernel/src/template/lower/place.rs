//! The uses of a text, and the checks of the author's text that follow from each use.

use minijinja::machinery::ast::{Expr, Stmt};

use crate::template::url::{self, Asked};

/// The use of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextUse {
    /// Data: any value.
    Data,
    /// A field of a query or form: one value.
    Field,
    /// A header: one value, one line.
    Header,
    /// A URL: each value is one segment, or one value of the query.
    Url,
    /// A shell command: each value is one word.
    Command,
    /// HTML: each value is text in it.
    Html,
}

impl TextUse {
    /// Checks a text that the author wrote between templates.
    ///
    /// # Errors
    /// The part of it that would be read as something else.
    pub(super) fn check_literal(self, text: &str) -> Result<(), String> {
        if self == Self::Url { url::check_literal(text) } else { Ok(()) }
    }

    /// The structure that the author allows the value of a `{{ … }}` to be, and the value.
    pub(super) fn asked<'e>(self, expr: &'e Expr<'e>) -> Option<(Asked, &'e Expr<'e>)> {
        let filters: &[_] = match self {
            Self::Url => &[("path", Asked::Path), ("query", Asked::Query)],
            Self::Command => &[("spread", Asked::Words)],
            Self::Data | Self::Field | Self::Header | Self::Html => &[],
        };
        filters.iter().find_map(|(name, asked)| Some((*asked, ended_by(name, expr)?)))
    }

    /// Checks a part that is joined, or the operand of the filter `to`: an output of `urlencode` must be printed
    /// unchanged.
    ///
    /// # Errors
    /// The part that would be encoded again.
    pub(super) fn check_part(self, part: &Expr<'_>, to: Option<&str>) -> Result<(), String> {
        let encoded = ended_by("urlencode", part).is_some();
        if self == Self::Url
            && encoded
            && !matches!(to, Some("urlencode" | "default" | "d" | "length" | "count"))
        {
            return Err(url::ENCODED_AGAIN.to_owned());
        }
        Ok(())
    }

    /// Whether a statement may or may not continue the segment before it.
    pub(super) fn branches(self, statement: &Stmt<'_>) -> bool {
        let branches = matches!(statement, Stmt::IfCond(_) | Stmt::ForLoop(_));
        branches && self == Self::Url && goes_on(std::slice::from_ref(statement))
    }
}

/// Whether the first output of `body` continues the segment before it.
fn goes_on(body: &[Stmt<'_>]) -> bool {
    let first = body.iter().find(|statement| !matches!(statement, Stmt::Set(_)));
    match first {
        Some(Stmt::EmitRaw(raw)) => !raw.raw.starts_with(['?', '#']),
        Some(Stmt::IfCond(cond)) => goes_on(&cond.true_body) || goes_on(&cond.false_body),
        Some(Stmt::ForLoop(each)) => goes_on(&each.body) || goes_on(&each.else_body),
        Some(Stmt::WithBlock(with)) => goes_on(&with.body),
        Some(_) => true,
        None => false,
    }
}

/// The operand of the filter `name`, if an expression ends with it.
pub(crate) fn ended_by<'e>(name: &str, expr: &'e Expr<'e>) -> Option<&'e Expr<'e>> {
    match expr {
        Expr::Filter(call) if call.name == name && call.args.is_empty() => call.expr.as_ref(),
        _ => None,
    }
}

/// How many `{{ … }}` end with the filter `name`.
pub(crate) fn ending_with(name: &str, body: &[Stmt<'_>]) -> usize {
    let count = |statement: &Stmt<'_>| match statement {
        Stmt::EmitExpr(emitted) => usize::from(ended_by(name, &emitted.expr).is_some()),
        Stmt::IfCond(cond) => ending_with(name, &cond.true_body) + ending_with(name, &cond.false_body),
        Stmt::ForLoop(each) => ending_with(name, &each.body) + ending_with(name, &each.else_body),
        Stmt::WithBlock(with) => ending_with(name, &with.body),
        _ => 0,
    };
    body.iter().map(count).sum()
}
