//! Native conditions as conditions of CACAO: comparisons of variables with values, `and`, `or` and `not`. Owns which can be said so;
//! what else there is has none.

use crate::condition::{Column, Compare, Expression, Literal, ObjectPath, Operand, StixOrder, Test};

use super::Names;
use super::text::variable;

/// The condition of CACAO; `None` where there is none.
pub(super) fn condition(native: &str, names: &Names) -> Option<String> {
    let tokens = tokens(native)?;
    let mut reader = Reader { tokens: &tokens, at: 0, names, depth: 0 };
    let found = reader.any()?;
    (reader.at == tokens.len()).then(|| found.whole())?.map(|expression| expression.to_string())
}

/// A part of a condition.
enum Found {
    /// `PATH is not none`: says that a variable is known, before what compares it.
    Known(ObjectPath),
    Expression(Expression),
}

impl Found {
    fn whole(self) -> Option<Expression> {
        match self {
            Self::Known(path) => {
                Some(Expression::Test(Test { path, negated: false, compare: Compare::Exists }))
            }
            Self::Expression(expression) => Some(expression),
        }
    }
}

struct Reader<'r> {
    tokens: &'r [String],
    at: usize,
    names: &'r Names,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        Some(token)
    }

    fn any(&mut self) -> Option<Found> {
        let first = self.all()?;
        if self.peek() != Some("or") {
            return Some(first);
        }
        let mut parts = vec![first.whole()?];
        while self.takes("or") {
            parts.push(self.all()?.whole()?);
        }
        Some(Found::Expression(Expression::Or(parts)))
    }

    /// Parts with `and` between them; what only says that the next is known is left out.
    fn all(&mut self) -> Option<Found> {
        let mut parts = vec![self.part()?];
        while self.takes("and") {
            parts.push(self.part()?);
        }
        let mut kept: Vec<Expression> = Vec::new();
        let mut known: Vec<ObjectPath> = Vec::new();
        for part in parts {
            match part {
                Found::Known(path) => known.push(path),
                Found::Expression(expression) => {
                    if let Expression::Test(test) = &expression {
                        let right = match &test.compare {
                            Compare::Order(_, Operand::Path(path)) => Some(path),
                            _ => None,
                        };
                        known.retain(|path| *path != test.path && Some(path) != right);
                    }
                    kept.push(expression);
                }
            }
        }
        let alone = kept.is_empty() && known.len() == 1;
        if alone {
            return known.pop().map(Found::Known);
        }
        kept.extend(known.into_iter().filter_map(|path| Found::Known(path).whole()));
        Some(Found::Expression(if kept.len() == 1 { kept.remove(0) } else { Expression::And(kept) }))
    }

    fn part(&mut self) -> Option<Found> {
        let negated = self.takes("not");
        if self.takes("(") {
            self.depth += 1;
            if self.depth > updraft_protocol::limits::CACAO_CONDITION_NESTING {
                return None;
            }
            let inside = self.any()?;
            self.depth -= 1;
            if !self.takes(")") {
                return None;
            }
            return if negated { not(inside) } else { Some(inside) };
        }
        (!negated).then(|| self.test())?
    }

    fn test(&mut self) -> Option<Found> {
        let path = self.path()?;
        let word = self.next()?;
        let compare = match word.as_str() {
            "is" if self.takes("not") => return self.takes("none").then_some(Found::Known(path)),
            "is" => {
                if !self.takes("matching") || !self.takes("(") {
                    return None;
                }
                let regex = text(&self.next()?)?;
                self.takes(")").then_some(Compare::Matches(regex))?
            }
            "in" => Compare::In(self.list()?),
            sign => {
                let order = order(sign)?;
                let literal = self.tokens.get(self.at).and_then(|token| literal(token));
                match literal {
                    Some(literal) => {
                        self.at += 1;
                        Compare::Order(order, Operand::Literal(literal))
                    }
                    None => Compare::Order(order, Operand::Path(self.path()?)),
                }
            }
        };
        Some(Found::Expression(Expression::Test(Test { path, negated: false, compare })))
    }

    fn list(&mut self) -> Option<Vec<Literal>> {
        let mut all = Vec::new();
        if !self.takes("[") {
            return None;
        }
        while !self.takes("]") {
            all.push(literal(&self.next()?)?);
            self.takes(",");
        }
        Some(all)
    }

    fn path(&mut self) -> Option<ObjectPath> {
        let root = self.next()?;
        let path = if self.takes("[") {
            let name = text(&self.next()?)?;
            self.takes("]").then(|| format!("{root}['{name}']"))?
        } else {
            root
        };
        let object = variable(&path, self.names)?;
        Some(ObjectPath { object, property: "value".to_owned(), steps: Vec::new(), column: Column(0) })
    }
}

fn not(found: Found) -> Option<Found> {
    let Expression::Test(mut test) = found.whole()? else { return None };
    test.negated = !test.negated;
    Some(Found::Expression(Expression::Test(test)))
}

fn order(sign: &str) -> Option<StixOrder> {
    Some(match sign {
        "==" => StixOrder::Equal,
        "!=" => StixOrder::Unequal,
        "<" => StixOrder::Less,
        "<=" => StixOrder::LessOrEqual,
        ">" => StixOrder::Greater,
        ">=" => StixOrder::GreaterOrEqual,
        _ => return None,
    })
}

fn literal(token: &str) -> Option<Literal> {
    match token {
        "true" | "false" => Some(Literal::Bool(token == "true")),
        _ if token.starts_with('\'') => text(token).map(Literal::Text),
        _ if token.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            let is_whole = !token.contains('.');
            Some(if is_whole { Literal::Integer(token.to_owned()) } else { Literal::Float(token.to_owned()) })
        }
        _ => None,
    }
}

/// The text of a literal in quotes.
fn text(token: &str) -> Option<String> {
    let inside = token.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut text = String::new();
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.push(chars.next().filter(|char| ['\\', '\''].contains(char))?),
            char => text.push(char),
        }
    }
    Some(text)
}

/// The words of an expression; `None` where one is not known here.
fn tokens(native: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = native.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, char)| {
                    let ends = *char == '\'' && !escaped;
                    escaped = *char == '\\' && !escaped;
                    ends
                });
                end?.0 + 1
            }
            _ if first.is_ascii_alphanumeric() || first == '_' || first == '-' => {
                let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
                1 + rest.get(1..)?.find(|c| !inside(c)).unwrap_or(rest.len() - 1)
            }
            '=' | '!' | '<' | '>' => 1 + usize::from(rest.get(1..)?.starts_with('=')),
            '(' | ')' | '[' | ']' | ',' => 1,
            _ => return None,
        };
        let (token, after) = rest.split_at_checked(length)?;
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    Some(tokens)
}
