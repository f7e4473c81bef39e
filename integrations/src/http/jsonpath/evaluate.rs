//! Evaluation of a JSONPath under a meter: every node that is visited, every byte that is compared and every match that
//! is kept is charged before. Borrows from the value; copies none of it.

use std::borrow::Cow;

use updraft_protocol::Value;

use super::meter::{Exhausted, Meter};
use super::{Comparable, Logical, Origin, Query, Segment, Selector, compare};

/// All that the query matches, in the order of RFC 9535, for at most `work`.
pub(crate) fn select<'a>(query: &Query, root: &'a Value, work: u64) -> Result<Vec<&'a Value>, Exhausted> {
    Evaluation { root, meter: Meter::new(work) }.query(query, root)
}

struct Evaluation<'a> {
    root: &'a Value,
    meter: Meter,
}

impl<'a> Evaluation<'a> {
    fn query(&mut self, query: &Query, from: &'a Value) -> Result<Vec<&'a Value>, Exhausted> {
        let mut nodes = vec![from];
        for segment in &query.segments {
            let mut selected = Vec::new();
            for node in nodes {
                self.segment(segment, node, &mut selected)?;
            }
            nodes = selected;
        }
        Ok(nodes)
    }

    fn segment(
        &mut self,
        segment: &Segment,
        node: &'a Value,
        selected: &mut Vec<&'a Value>,
    ) -> Result<(), Exhausted> {
        if !segment.descendant {
            return self.selectors(segment, node, selected);
        }
        // A node is before its children, and lists are in their order.
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            self.meter.node()?;
            self.selectors(segment, node, selected)?;
            match node {
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Object(fields) => open.extend(fields.values().rev()),
                _ => {}
            }
        }
        Ok(())
    }

    fn selectors(
        &mut self,
        segment: &Segment,
        node: &'a Value,
        selected: &mut Vec<&'a Value>,
    ) -> Result<(), Exhausted> {
        for selector in &segment.selectors {
            self.meter.node()?;
            match selector {
                Selector::Name(name) => {
                    // The number of compared names is the depth of a tree of names.
                    self.meter.bytes(4 * name.len())?;
                    selected.extend(node.get(name));
                }
                Selector::Index(index) => {
                    let items = node.as_array().unwrap_or_default();
                    selected.extend(at(*index, items.len()).and_then(|index| items.get(index)));
                }
                Selector::Slice { start, end, step } => self.slice(node, (*start, *end, *step), selected)?,
                Selector::Wildcard => {
                    for child in children(node) {
                        self.meter.node()?;
                        selected.push(child);
                    }
                }
                Selector::Filter(test) => {
                    for child in children(node) {
                        self.meter.node()?;
                        if self.test(test, child)? {
                            selected.push(child);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The slice of RFC 9535, 2.3.4.2.2.
    fn slice(
        &mut self,
        node: &'a Value,
        (start, end, step): (Option<i64>, Option<i64>, i64),
        selected: &mut Vec<&'a Value>,
    ) -> Result<(), Exhausted> {
        let items = node.as_array().unwrap_or_default();
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let from_start = |index: i64| if index < 0 { length.saturating_add(index) } else { index };
        let (first, past) = if step > 0 {
            let bound = |index: i64| from_start(index).clamp(0, length);
            (bound(start.unwrap_or(0)), bound(end.unwrap_or(length)))
        } else {
            let bound = |index: i64| from_start(index).clamp(-1, length - 1);
            (start.map_or(length - 1, bound), end.map_or(-1, bound))
        };
        let mut index = first;
        while (step > 0 && index < past) || (step < 0 && index > past) {
            self.meter.node()?;
            selected.extend(usize::try_from(index).ok().and_then(|index| items.get(index)));
            index = index.saturating_add(step);
        }
        Ok(())
    }

    fn test(&mut self, test: &Logical, current: &'a Value) -> Result<bool, Exhausted> {
        self.meter.node()?;
        match test {
            Logical::Any(tests) => {
                for test in tests {
                    if self.test(test, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Logical::All(tests) => {
                for test in tests {
                    if !self.test(test, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Logical::Not(test) => self.test(test, current).map(|holds| !holds),
            Logical::Exists(origin, query) => Ok(!self.nodes(*origin, query, current)?.is_empty()),
            Logical::Compare(left, operator, right) => {
                let (left, right) = (self.value(left, current)?, self.value(right, current)?);
                compare::holds(left.as_deref(), *operator, right.as_deref(), &mut self.meter)
            }
        }
    }

    fn nodes(
        &mut self,
        origin: Origin,
        query: &Query,
        current: &'a Value,
    ) -> Result<Vec<&'a Value>, Exhausted> {
        let from = match origin {
            Origin::Root => self.root,
            Origin::Current => current,
        };
        self.query(query, from)
    }

    /// The single value, if there is one. A literal is not copied: it lives as long as the query.
    fn value<'q>(
        &mut self,
        comparable: &'q Comparable,
        current: &'a Value,
    ) -> Result<Option<Cow<'q, Value>>, Exhausted>
    where
        'a: 'q,
    {
        self.meter.node()?;
        match comparable {
            Comparable::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Comparable::Node(origin, query) | Comparable::Value(origin, query) => {
                let nodes = self.nodes(*origin, query, current)?;
                Ok(if let [one] = nodes.as_slice() { Some(Cow::Borrowed(*one)) } else { None })
            }
            Comparable::Count(origin, query) => Ok(Some(number(self.nodes(*origin, query, current)?.len()))),
            Comparable::Length(of) => {
                let of = self.value(of, current)?;
                let length = match of.as_deref() {
                    Some(Value::String(text)) => {
                        self.meter.bytes(text.len())?;
                        Some(text.chars().count())
                    }
                    Some(Value::Array(items)) => Some(items.len()),
                    Some(Value::Object(fields)) => Some(fields.len()),
                    _ => None,
                };
                Ok(length.map(number))
            }
        }
    }
}

fn number<'a>(number: usize) -> Cow<'a, Value> {
    Cow::Owned(Value::Number((number as u64).into()))
}

fn children(node: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match node {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The index from the start; a negative one counts from the end.
fn at(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}
