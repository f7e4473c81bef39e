//! Reading a JSONPath by the grammar of RFC 9535: recursive descent with one token of look-ahead and bounded depth.
//! Never reads a part twice, so that the cost of a hostile text is linear in its length.

use updraft_protocol::Value;
use updraft_protocol::limits::{HTTP_KEEP_BYTES, HTTP_KEEP_NESTING};

use super::text::Text;
use super::{Comparable, Logical, Operator, Origin, Query, Segment, Selector};

/// The largest index: larger numbers are not exact in every implementation of JSON.
const INDEX_MAX: u64 = (1 << 53) - 1;

/// Reads a query that begins at the root.
pub(super) fn query(text: &str) -> Result<Query, String> {
    if text.len() > HTTP_KEEP_BYTES {
        return Err(format!("a JSONPath of at most {HTTP_KEEP_BYTES} bytes is needed"));
    }
    let mut parser = Parser { text: Text::new(text), depth: 0 };
    if !parser.text.take('$') {
        return Err(parser.text.needed("`$`, the root of the answer,"));
    }
    let query = parser.segments()?;
    if parser.text.is_at_end() { Ok(query) } else { Err(parser.text.needed("`.`, `..`, `[` or the end")) }
}

struct Parser<'a> {
    text: Text<'a>,
    /// Open filters, parentheses and functions.
    depth: usize,
}

/// A part of a filter that is a test or a value to compare, depending on what follows it.
enum Operand {
    Query(Origin, Query),
    Value(Comparable),
}

impl Parser<'_> {
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == HTTP_KEEP_NESTING {
            return Err(format!(
                "filters, parentheses and functions are nested deeper than {HTTP_KEEP_NESTING}"
            ));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn segments(&mut self) -> Result<Query, String> {
        let mut segments = Vec::new();
        loop {
            let before = self.text.place();
            self.text.skip_blanks();
            let descendant = self.text.take_all("..");
            let selectors = if self.text.take('[') {
                self.bracketed()?
            } else if descendant || self.text.take('.') {
                vec![self.dotted()?]
            } else {
                // Blanks belong to a query only if a segment follows.
                self.text.return_to(before);
                return Ok(Query { segments });
            };
            segments.push(Segment { descendant, selectors });
        }
    }

    fn dotted(&mut self) -> Result<Selector, String> {
        if self.text.take('*') {
            return Ok(Selector::Wildcard);
        }
        let name = self.text.name();
        name.map(Selector::Name).ok_or_else(|| self.text.needed("a name or `*`"))
    }

    fn bracketed(&mut self) -> Result<Vec<Selector>, String> {
        let mut selectors = Vec::new();
        loop {
            self.text.skip_blanks();
            selectors.push(self.selector()?);
            self.text.skip_blanks();
            if self.text.take(']') {
                return Ok(selectors);
            }
            if !self.text.take(',') {
                return Err(self.text.needed("`,` or `]`"));
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, String> {
        match self.text.peek() {
            Some('\'' | '"') => self.text.quoted().map(Selector::Name),
            Some('*') => {
                self.text.take('*');
                Ok(Selector::Wildcard)
            }
            Some('?') => {
                self.text.take('?');
                self.text.skip_blanks();
                self.deeper(Self::any).map(Selector::Filter)
            }
            Some('-' | ':' | '0'..='9') => self.index_or_slice(),
            _ => Err(self.text.needed("a name in quotes, `*`, an index, a slice or a filter")),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, String> {
        let start = self.index()?;
        let after = self.text.place();
        self.text.skip_blanks();
        if !self.text.take(':') {
            self.text.return_to(after);
            let needed = || "an index".to_owned();
            return start.map(Selector::Index).ok_or_else(needed);
        }
        self.text.skip_blanks();
        let end = self.index()?;
        let after = self.text.place();
        self.text.skip_blanks();
        let mut step = None;
        if self.text.take(':') {
            let colon = self.text.place();
            self.text.skip_blanks();
            step = self.index()?;
            if step.is_none() {
                self.text.return_to(colon);
            }
        } else {
            self.text.return_to(after);
        }
        Ok(Selector::Slice { start, end, step: step.unwrap_or(1) })
    }

    /// A whole number without leading zeros; `None` if there is no number here.
    fn index(&mut self) -> Result<Option<i64>, String> {
        if !matches!(self.text.peek(), Some('-' | '0'..='9')) {
            return Ok(None);
        }
        let needed = self.text.needed("a whole number without leading zeros, of at most 15 digits or so,");
        let digits = self.text.take_while(|c| c == '-' || c.is_ascii_digit());
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        let canonical = digits == "0" || !(plain.is_empty() || plain.starts_with('0') || plain.contains('-'));
        let index = digits.parse::<i64>().ok().filter(|index| canonical && index.unsigned_abs() <= INDEX_MAX);
        index.map(Some).ok_or(needed)
    }

    fn any(&mut self) -> Result<Logical, String> {
        self.joined("||", Self::all, Logical::Any)
    }

    fn all(&mut self) -> Result<Logical, String> {
        self.joined("&&", Self::basic, Logical::All)
    }

    fn joined(
        &mut self,
        sign: &str,
        read: fn(&mut Self) -> Result<Logical, String>,
        join: fn(Vec<Logical>) -> Logical,
    ) -> Result<Logical, String> {
        let first = read(self)?;
        let mut parts = vec![first];
        loop {
            let before = self.text.place();
            self.text.skip_blanks();
            if !self.text.take_all(sign) {
                self.text.return_to(before);
                break;
            }
            self.text.skip_blanks();
            parts.push(read(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    fn basic(&mut self) -> Result<Logical, String> {
        let not = self.text.take('!');
        if not {
            self.text.skip_blanks();
        }
        let test = if self.text.take('(') {
            self.text.skip_blanks();
            let inner = self.deeper(Self::any)?;
            self.text.skip_blanks();
            if !self.text.take(')') {
                return Err(self.text.needed("`)`"));
            }
            inner
        } else {
            let operand = self.operand()?;
            if not { self.existence(operand)? } else { self.test(operand)? }
        };
        Ok(if not { Logical::Not(Box::new(test)) } else { test })
    }

    fn existence(&mut self, operand: Operand) -> Result<Logical, String> {
        match operand {
            Operand::Query(origin, query) => Ok(Logical::Exists(origin, query)),
            Operand::Value(_) => Err(self.text.needed("a comparison (`==`, `!=`, `<`, `<=`, `>`, `>=`)")),
        }
    }

    fn test(&mut self, operand: Operand) -> Result<Logical, String> {
        let before = self.text.place();
        self.text.skip_blanks();
        let Some(operator) = self.operator() else {
            self.text.return_to(before);
            return self.existence(operand);
        };
        self.text.skip_blanks();
        let right = self.operand()?;
        Ok(Logical::Compare(self.comparable(operand)?, operator, self.comparable(right)?))
    }

    fn operator(&mut self) -> Option<Operator> {
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        operators.into_iter().find(|(sign, _)| self.text.take_all(sign)).map(|(_, operator)| operator)
    }

    fn comparable(&self, operand: Operand) -> Result<Comparable, String> {
        match operand {
            Operand::Value(value) => Ok(value),
            Operand::Query(origin, query) if query.is_singular() => Ok(Comparable::Node(origin, query)),
            Operand::Query(..) => Err(self
                .text
                .wrong("a path that may match several values cannot be compared; `count` or `value` can")),
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let literal = |value| Ok(Operand::Value(Comparable::Literal(value)));
        match self.text.peek() {
            Some('@') => {
                self.text.take('@');
                self.deeper(Self::segments).map(|query| Operand::Query(Origin::Current, query))
            }
            Some('$') => {
                self.text.take('$');
                self.deeper(Self::segments).map(|query| Operand::Query(Origin::Root, query))
            }
            Some('\'' | '"') => literal(Value::String(self.text.quoted()?)),
            Some('-' | '0'..='9') => {
                let number = self.text.number().ok_or_else(|| self.text.needed("a number of JSON"))?;
                literal(Value::Number(number))
            }
            _ => match self.text.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
                "true" => literal(Value::Bool(true)),
                "false" => literal(Value::Bool(false)),
                "null" => literal(Value::Null),
                "" => Err(self
                    .text
                    .needed("`@`, `$`, a text in quotes, a number, true, false, null or a function")),
                name => {
                    let name = name.to_owned();
                    self.deeper(|parser| parser.function(&name)).map(Operand::Value)
                }
            },
        }
    }

    fn function(&mut self, name: &str) -> Result<Comparable, String> {
        if !matches!(name, "length" | "count" | "value") {
            return Err(self
                .text
                .wrong("there is no such function; there are `length`, `count` and `value`"));
        }
        if !self.text.take('(') {
            return Err(self.text.needed("`(`"));
        }
        self.text.skip_blanks();
        let operand = self.operand()?;
        self.text.skip_blanks();
        if !self.text.take(')') {
            return Err(self.text.needed("`)`"));
        }
        match (name, operand) {
            ("length", operand) => Ok(Comparable::Length(Box::new(self.comparable(operand)?))),
            ("count", Operand::Query(origin, query)) => Ok(Comparable::Count(origin, query)),
            (_, Operand::Query(origin, query)) => Ok(Comparable::Value(origin, query)),
            (_, Operand::Value(_)) => Err(self.text.wrong("`count` and `value` take a path")),
        }
    }
}
