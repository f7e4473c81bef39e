//! The check of an author's command, on every way through its statements, before any value is known.

use minijinja::machinery::ast::{Expr, Stmt};
use updraft_protocol::limits::{COMMAND_BYTES, MISTAKES};

use super::lexer::Lexer;
use super::place::Wrong;
use crate::template::lower::ended_by;

/// How many characters before a value tell where it stands.
const TOLD_CHARACTERS: usize = 32;
/// The places to which a command may have come, by its branches and loops, before the same text.
const WAYS: usize = 8;
/// How often each character of a command may be followed, on all ways together.
const FOLLOWED: usize = 32;

const TOO_MANY: Wrong = "the branches and loops of the template end at too many places of the command; let each be whole words, or \
                         choose the value: `{{ a if b else c }}`";

/// Checks a command without templates.
///
/// # Errors
/// It is none that a program could get.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("a command has no NUL".to_owned());
    }
    if text.len() > COMMAND_BYTES {
        return Err(format!("a command has at most {COMMAND_BYTES} bytes"));
    }
    Ok(())
}

/// Checks where the values of a command stand, whose text has so many bytes.
///
/// # Errors
/// What is wrong, with what stands before it: a message for each place.
pub(crate) fn check(children: &[Stmt<'_>], bytes: usize) -> Result<(), Vec<String>> {
    let mut checking =
        Checking { ways: vec![Lexer::new()], left: FOLLOWED * bytes, before: String::new(), found: vec![] };
    checking.block(children);
    if checking.found.is_empty() { Ok(()) } else { Err(checking.found) }
}

struct Checking {
    /// Where the command may have come.
    ways: Vec<Lexer>,
    /// How many characters may still be followed.
    left: usize,
    /// The end of the author's text so far.
    before: String,
    found: Vec<String>,
}

impl Checking {
    fn block(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            if !self.follows(1) {
                return;
            }
            match statement {
                Stmt::EmitRaw(raw) => self.author(raw.raw),
                Stmt::EmitExpr(emitted) => self.printed(&emitted.expr),
                Stmt::IfCond(cond) => {
                    let begin = self.ways.clone();
                    self.block(&cond.true_body);
                    let yes = std::mem::replace(&mut self.ways, begin);
                    self.block(&cond.false_body);
                    self.or(yes);
                }
                Stmt::ForLoop(each) => {
                    let begin = self.ways.clone();
                    // Until a further turn comes to no other place.
                    loop {
                        let known = self.ways.len();
                        let before = self.ways.clone();
                        self.block(&each.body);
                        let after = std::mem::replace(&mut self.ways, before);
                        self.or(after);
                        if self.ways.len() == known || self.left == 0 {
                            break;
                        }
                    }
                    let turned = std::mem::replace(&mut self.ways, begin);
                    self.block(&each.else_body);
                    self.or(turned);
                }
                Stmt::WithBlock(with) => self.block(&with.body),
                // The others print nothing, or are refused.
                _ => {}
            }
        }
    }

    fn author(&mut self, text: &str) {
        if text.contains('\0') {
            self.found("a command has no NUL");
        }
        if !self.follows(text.len()) {
            return;
        }
        self.ways.iter_mut().for_each(|way| way.author(text));
        let wrong = self.ways.iter_mut().filter_map(|way| way.wrong.take()).next();
        wrong.into_iter().for_each(|why| self.found(why));
        self.before.push_str(text);
        let from = self.before.char_indices().rev().nth(TOLD_CHARACTERS).map_or(0, |(at, _)| at);
        self.before.drain(..from);
    }

    fn printed(&mut self, expr: &Expr<'_>) {
        if let Expr::Const(known) = expr
            && let Some(text) = known.value.as_str()
        {
            return self.author(text);
        }
        let is_spread = ended_by("spread", expr).is_some();
        let stands = |way: &mut Lexer| match is_spread {
            true => way.values(std::iter::empty()),
            false => way.value(None),
        };
        let refused = self.ways.iter_mut().filter_map(|way| stands(way).err()).next();
        refused.into_iter().for_each(|why| self.found(why));
        self.before.push('…');
    }

    /// Whether so much more may be followed on all ways.
    fn follows(&mut self, much: usize) -> bool {
        let left = self.left.checked_sub(much * self.ways.len());
        self.left = left.unwrap_or(0);
        if left.is_none() {
            self.found(TOO_MANY);
        }
        left.is_some()
    }

    /// Adds other ways to the places here.
    fn or(&mut self, others: Vec<Lexer>) {
        let here = std::mem::take(&mut self.ways);
        for other in here.into_iter().chain(others) {
            let is_full = self.ways.len() == WAYS;
            match self.ways.iter_mut().find_map(|way| Some((way.joined(&other)?, way))) {
                Some((joined, way)) => *way = joined,
                None if !is_full => self.ways.push(other),
                None => {
                    self.left = 0;
                    self.found(TOO_MANY);
                }
            }
        }
    }

    fn found(&mut self, why: Wrong) {
        let shown = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
        let before: String = self.before.trim_start().chars().map(shown).collect();
        let at = if before.trim().is_empty() {
            "at its beginning".to_owned()
        } else {
            format!("after ‘{before}’")
        };
        let told = format!("{at}: {why}");
        if self.found.len() < MISTAKES && !self.found.contains(&told) {
            self.found.push(told);
        }
    }
}
