//! The check of an author's HTML before any value is known: on both ways of each branch, and around each loop.

use minijinja::machinery::ast::{Expr, Stmt};

use super::Html;

const BRANCHES: &str = "the branches of an `if` end at different places of the HTML; let each be whole elements, or choose the value: \
                        `{{ a if b else c }}`";
const LOOPS: &str =
    "a loop ends at another place of the HTML than where it began; let its body be whole elements";

/// Checks where the values of an HTML text stand.
///
/// # Errors
/// What is wrong.
pub(in crate::template) fn check(children: &[Stmt<'_>]) -> Result<(), &'static str> {
    block(children, Html::default()).map(drop)
}

/// Where the author's text has come to behind these statements.
fn block(statements: &[Stmt<'_>], mut html: Html) -> Result<Html, &'static str> {
    for statement in statements {
        match statement {
            Stmt::EmitRaw(raw) => html.literal(raw.raw),
            Stmt::EmitExpr(emitted) => match &emitted.expr {
                Expr::Const(value) if value.value.as_str().is_some() => {
                    html.literal(value.value.as_str().unwrap_or_default());
                }
                _ => html.value("").map(drop)?,
            },
            Stmt::IfCond(cond) => {
                let yes = block(&cond.true_body, html.clone())?;
                if yes != block(&cond.false_body, html)? {
                    return Err(BRANCHES);
                }
                html = yes;
            }
            Stmt::ForLoop(each) => {
                let ends = [&each.body, &each.else_body].map(|body| block(body, html.clone()));
                for end in ends {
                    if end? != html {
                        return Err(LOOPS);
                    }
                }
            }
            Stmt::WithBlock(with) => html = block(&with.body, html)?,
            _ => {}
        }
    }
    Ok(html)
}
