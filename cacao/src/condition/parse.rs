//! The parser of conditions: from words to a tree. Owns the grammar, what is told of a text that does not follow it, and how
//! deep brackets may be; it recurses for brackets alone.

use updraft_protocol::limits::{CACAO_CONDITION_BYTES, CACAO_CONDITION_NESTING, CACAO_CONDITION_TESTS};

use super::lex::{Token, lex};
use super::{Column, Compare, Error, Expression, Literal, ObjectPath, ObjectStep, Operand, StixOrder, Test};

/// Reads a condition.
///
/// # Errors
/// The first mistake in it, with its column.
pub fn parse(text: &str) -> Result<Expression, Error> {
    if text.len() > CACAO_CONDITION_BYTES {
        let message = format!("a condition has at most {CACAO_CONDITION_BYTES} bytes");
        return Err(Error::at(Column(1), message));
    }
    let end = Column(text.chars().count() + 1);
    let mut parser = Parser { tokens: lex(text)?, at: 0, end, depth: 0, tests: 0 };
    let bracket = parser.takes("[");
    let expression = parser.any()?;
    if bracket && !parser.takes("]") {
        return parser.wrong("`]` is needed, as the condition begins with `[`");
    }
    match parser.peek() {
        None => Ok(expression),
        Some(Token::Keyword(word)) if OBSERVATION.contains(word) => parser.observation(),
        Some(Token::Keyword("AND" | "OR")) => parser
            .wrong("a second `[…]`: observations are not combined here; write one condition in one `[…]`"),
        Some(_) => parser.wrong("the end of the condition, `AND` or `OR` is needed here"),
    }
}

/// The words that combine or qualify observations, of which a condition over variables has none.
const OBSERVATION: [&str; 7] = ["FOLLOWEDBY", "WITHIN", "REPEATS", "TIMES", "SECONDS", "START", "STOP"];

struct Parser {
    tokens: Vec<(Token, Column)>,
    at: usize,
    end: Column,
    depth: usize,
    tests: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn column(&self) -> Column {
        self.tokens.get(self.at).map_or(self.end, |(_, column)| *column)
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::at(self.column(), message))
    }

    fn observation<T>(&self) -> Result<T, Error> {
        self.wrong(
            "this combines or qualifies observations over time; a condition compares the present values of \
             variables, with `AND`, `OR` and brackets alone",
        )
    }

    fn next(&mut self) -> Option<Token> {
        let (token, _) = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token.clone())
    }

    /// Takes this sign, if it is next.
    fn takes(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_keyword(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Keyword(next)) if *next == word);
        self.at += usize::from(is_next);
        is_next
    }

    fn needs(&mut self, sign: &str, why: &str) -> Result<(), Error> {
        if self.takes(sign) { Ok(()) } else { self.wrong(format!("`{sign}` is needed here{why}")) }
    }

    /// Parts with `OR` between them.
    fn any(&mut self) -> Result<Expression, Error> {
        let mut parts = vec![self.all()?];
        while self.takes_keyword("OR") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    /// Parts with `AND` between them.
    fn all(&mut self) -> Result<Expression, Error> {
        let mut parts = vec![self.part()?];
        while self.takes_keyword("AND") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn part(&mut self) -> Result<Expression, Error> {
        let column = self.column();
        if self.takes("(") {
            self.depth += 1;
            if self.depth > CACAO_CONDITION_NESTING {
                let message = format!("brackets are nested more than {CACAO_CONDITION_NESTING} deep");
                return Err(Error::at(column, message));
            }
            let inside = self.any()?;
            self.needs(")", ", for the `(` before")?;
            self.depth -= 1;
            return Ok(inside);
        }
        self.tests += 1;
        if self.tests > CACAO_CONDITION_TESTS {
            let message = format!("a condition has at most {CACAO_CONDITION_TESTS} comparisons");
            return Err(Error::at(column, message));
        }
        self.test().map(Expression::Test)
    }

    fn test(&mut self) -> Result<Test, Error> {
        let negated = matches!(self.tokens.get(self.at + 1), Some((Token::Keyword("EXISTS"), _)))
            && self.takes_keyword("NOT");
        if self.takes_keyword("EXISTS") {
            return Ok(Test { path: self.path()?, negated, compare: Compare::Exists });
        }
        let path = self.path()?;
        let negated = self.takes_keyword("NOT");
        Ok(Test { path, negated, compare: self.compare()? })
    }

    fn path(&mut self) -> Result<ObjectPath, Error> {
        let column = self.column();
        let object = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Keyword("NOT")) => {
                return self.wrong(
                    "`NOT` stands behind the variable, `__count__:value NOT = 5`, or before `EXISTS`",
                );
            }
            Some(Token::Sign("[")) => return self.wrong("a condition has one `[…]` around all of it"),
            Some(Token::Keyword(word)) if OBSERVATION.contains(word) => return self.observation(),
            Some(
                Token::Text(_) | Token::Integer(_) | Token::Float(_) | Token::Bool(_) | Token::Marked(..),
            ) => {
                return self.wrong("a variable is needed on the left: `__count__:value`");
            }
            _ => return self.wrong("a variable is needed here: `__count__:value`"),
        };
        self.at += 1;
        self.needs(":", &format!(": a variable is read as `{object}:value`"))?;
        let property = self.key()?;
        let mut path = ObjectPath { object, property, steps: Vec::new(), column };
        loop {
            if self.takes(".") {
                path.steps.push(ObjectStep::Key(self.key()?));
            } else if self.takes("[") {
                path.steps.push(self.bracket()?);
            } else {
                return Ok(path);
            }
        }
    }

    fn key(&mut self) -> Result<String, Error> {
        match self.peek() {
            Some(Token::Name(name)) if name.contains('-') => {
                let message = format!("a name with a hyphen stands in quotes here: '{name}'");
                self.wrong(message)
            }
            Some(Token::Name(name) | Token::Text(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            Some(Token::Keyword(word)) => {
                let message =
                    format!("`{word}` is a word of the language; as a name it stands in quotes: '{word}'");
                self.wrong(message)
            }
            _ => self.wrong("a name is needed here, such as `value`"),
        }
    }

    fn bracket(&mut self) -> Result<ObjectStep, Error> {
        let step = match self.peek() {
            Some(Token::Integer(at)) => ObjectStep::Index(at.clone()),
            Some(Token::Sign("*")) => ObjectStep::Any,
            Some(Token::Text(name)) => ObjectStep::Key(name.clone()),
            _ => return self.wrong("a number or a key in quotes is needed in `[…]`"),
        };
        self.at += 1;
        self.needs("]", "")?;
        Ok(step)
    }

    fn compare(&mut self) -> Result<Compare, Error> {
        let order = match self.peek() {
            Some(Token::Sign("=" | "==")) => StixOrder::Equal,
            Some(Token::Sign("!=" | "<>")) => StixOrder::Unequal,
            Some(Token::Sign("<")) => StixOrder::Less,
            Some(Token::Sign("<=")) => StixOrder::LessOrEqual,
            Some(Token::Sign(">")) => StixOrder::Greater,
            Some(Token::Sign(">=")) => StixOrder::GreaterOrEqual,
            _ => return self.compare_by_word(),
        };
        self.at += 1;
        if let Some(Token::Name(name)) = self.peek()
            && !["True", "False", "TRUE", "FALSE"].contains(&name.as_str())
        {
            return Ok(Compare::Order(order, Operand::Path(self.path()?)));
        }
        let column = self.column();
        let literal = self.literal()?;
        if matches!(literal, Literal::Bool(_)) && !matches!(order, StixOrder::Equal | StixOrder::Unequal) {
            return Err(Error::at(column, format!("`{}` does not compare true and false", order.as_str())));
        }
        Ok(Compare::Order(order, Operand::Literal(literal)))
    }

    fn compare_by_word(&mut self) -> Result<Compare, Error> {
        let word = match self.peek() {
            Some(Token::Keyword("IN")) => return self.set(),
            Some(Token::Keyword(word @ ("LIKE" | "MATCHES" | "ISSUBSET" | "ISSUPERSET"))) => *word,
            Some(Token::Name(name)) => {
                let upper = name.to_ascii_uppercase();
                return match ["NOT", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"]
                    .contains(&upper.as_str())
                {
                    true => self.wrong(format!("`{name}` is written `{upper}`")),
                    false => self.wrong(OPERATOR),
                };
            }
            _ => return self.wrong(OPERATOR),
        };
        self.at += 1;
        let Some(Token::Text(text)) = self.peek().cloned() else {
            return self.wrong(format!("`{word}` needs a text in single quotes"));
        };
        self.at += 1;
        Ok(match word {
            "LIKE" => Compare::Like(text),
            "MATCHES" => Compare::Matches(text),
            "ISSUBSET" => Compare::Subset(text),
            _ => Compare::Superset(text),
        })
    }

    fn set(&mut self) -> Result<Compare, Error> {
        self.at += 1;
        self.needs("(", ": `IN` needs a set such as ('a', 'b')")?;
        let mut literals = Vec::new();
        if self.takes(")") {
            return Ok(Compare::In(literals));
        }
        loop {
            literals.push(self.literal()?);
            if self.takes(")") {
                return Ok(Compare::In(literals));
            }
            self.needs(",", " or `)`")?;
        }
    }

    fn literal(&mut self) -> Result<Literal, Error> {
        let column = self.column();
        Ok(match self.next() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Integer(digits)) => Literal::Integer(digits),
            Some(Token::Float(digits)) => Literal::Float(digits),
            Some(Token::Bool(value)) => Literal::Bool(value),
            Some(Token::Marked('t', text)) => Literal::Timestamp(text),
            Some(Token::Marked('h', text)) => Literal::Hex(text),
            Some(Token::Marked(_, text)) => Literal::Binary(text),
            Some(Token::Name(name)) if ["true", "false"].contains(&name.to_ascii_lowercase().as_str()) => {
                let message = format!("`{name}` is written `{}`", name.to_ascii_lowercase());
                return Err(Error::at(column, message));
            }
            _ => {
                return Err(Error::at(column, "a value is needed here: 'text', 42, 1.5, true or a variable"));
            }
        })
    }
}

const OPERATOR: &str =
    "an operator is needed here: =, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET or ISSUPERSET";

/// The only part, or all of them.
fn one_or(mut parts: Vec<Expression>, all: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => all(parts),
    }
}
