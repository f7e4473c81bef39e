//! The structure of a playbook as tables, and the walk that compares a file with them: what must be there, of which type, from which
//! words. Owns structure alone; what a text says is not looked at.

mod agent_target;
mod authentication;
mod command;
mod data;
mod marking;
mod playbook;
mod step;
mod words;

use std::collections::BTreeMap;

use updraft_protocol::Value;
use updraft_protocol::limits::CACAO_ITEMS;
use updraft_protocol::suggest::suggestion;

use super::Findings;
use crate::finding::CacaoFinding;
use crate::model::{CacaoId, CacaoTime};
use crate::path::{item, property, short};
use crate::rule::Rule;

/// One property of an object.
struct Property {
    name: &'static str,
    required: bool,
    kind: &'static Kind,
}

/// A property that may be missing.
const fn may(name: &'static str, kind: &'static Kind) -> Property {
    Property { name, required: false, kind }
}

/// A property that must be there.
const fn must(name: &'static str, kind: &'static Kind) -> Property {
    Property { name, required: true, kind }
}

/// The properties of an object, in groups that other objects have too.
type Shape = &'static [&'static [Property]];

/// What a value may be.
enum Kind {
    /// A text.
    Text,
    /// A text, or `null`, or a map: the value of a variable.
    VariableValue,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// An id.
    Id,
    /// An instant.
    Time,
    /// An instant or `null`.
    TimeOrNull,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A word; others than these are warned of.
    Open(&'static [&'static str]),
    /// A list with at least so many items.
    List(&'static Kind, usize),
    /// A map with names that are no ids, with at least so many entries.
    Map(&'static Kind, usize),
    /// A map by ids, with at least so many entries.
    Ids(&'static Kind, usize),
    /// An object.
    Object(Shape),
    /// An object whose properties are those of its type: for each word, and for other words.
    ByType(&'static [(&'static str, Shape)], Option<Shape>),
    /// A signature: it has exactly one of these properties.
    OneOf(Shape, &'static [&'static str]),
    /// Anything that is a map.
    AnyMap,
}

/// Compares a file with the structure of a playbook.
pub(super) fn check(value: &Value, findings: &mut Findings) {
    let place = Place { object: value["id"].as_str().unwrap_or_default(), path: String::new() };
    Walk { findings }.value(value, &playbook::PLAYBOOK, &place);
}

/// Where the walk is.
struct Place<'v> {
    /// The id of the object.
    object: &'v str,
    path: String,
}

impl<'v> Place<'v> {
    fn property(&self, name: &str) -> Self {
        Place { object: self.object, path: property(&self.path, name) }
    }

    fn item(&self, number: usize) -> Self {
        Place { object: self.object, path: item(&self.path, number) }
    }
}

struct Walk<'f> {
    findings: &'f mut Findings,
}

impl Walk<'_> {
    fn tell(&mut self, rule: Rule, place: &Place<'_>, message: impl Into<String>) {
        self.findings.add(CacaoFinding::new(rule, short(place.object), short(&place.path), message));
    }

    fn needs(&mut self, place: &Place<'_>, needed: &str, found: &Value) {
        let kind = found.kind();
        self.tell(Rule::PropertyType, place, format!("needs {needed}, this is {kind}"));
    }

    fn value<'v>(&mut self, value: &'v Value, kind: &'static Kind, place: &Place<'v>) {
        match (kind, value) {
            (Kind::Text, Value::String(_))
            | (Kind::Flag, Value::Bool(_))
            | (Kind::AnyMap, Value::Object(_)) => {}
            (Kind::VariableValue, Value::String(_) | Value::Null | Value::Object(_)) => {}
            (Kind::TimeOrNull, Value::Null) => {}
            (Kind::Text | Kind::VariableValue, _) => self.needs(place, "a text", value),
            (Kind::Flag, _) => self.needs(place, "`true` or `false`", value),
            (Kind::AnyMap, _) => self.needs(place, "a map", value),
            (Kind::Whole(least, most), _) => self.whole(value, *least, *most, place),
            (Kind::Id, Value::String(text)) => self.id(text, place),
            (Kind::Id, _) => self.needs(place, "an id", value),
            (Kind::Time | Kind::TimeOrNull, Value::String(text)) => self.time(text, place),
            (Kind::Time | Kind::TimeOrNull, _) => self.needs(place, "an instant", value),
            (Kind::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                let near = suggestion(text, words.iter().copied());
                let (words, text) = (words.join("`, `"), short(text));
                self.tell(Rule::PropertyValue, place, format!("is one of `{words}`, not {text:?}{near}"));
            }
            (Kind::Open(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                let near = suggestion(text, words.iter().copied());
                let text = short(text);
                let message = format!("{text:?} is no word of the standard's list{near}");
                self.tell(Rule::OpenVocabulary, place, message);
            }
            (Kind::Word(_) | Kind::Open(_), Value::String(_)) => {}
            (Kind::Word(_) | Kind::Open(_), _) => self.needs(place, "a word", value),
            (Kind::List(of, least), Value::Array(items)) => self.list(items, of, *least, place),
            (Kind::List(..), _) => self.needs(place, "a list", value),
            (Kind::Map(of, least), Value::Object(entries)) => {
                self.entries(entries, *least, place);
                for (name, value) in entries.iter().take(CACAO_ITEMS) {
                    self.value(value, of, &place.property(name));
                }
            }
            (Kind::Ids(of, least), Value::Object(entries)) => {
                self.entries(entries, *least, place);
                for (id, value) in entries.iter().take(CACAO_ITEMS) {
                    let place = Place { object: id, path: property(&place.path, id) };
                    self.id(id, &place);
                    self.value(value, of, &place);
                }
            }
            (Kind::Object(shape), Value::Object(fields)) => self.object(fields, shape, place),
            (Kind::OneOf(shape, names), Value::Object(fields)) => {
                self.object(fields, shape, place);
                let there = names.iter().filter(|name| fields.contains_key(**name)).count();
                if there != 1 {
                    let names = names.join("`, `");
                    self.tell(
                        Rule::MissingProperty,
                        place,
                        format!("has exactly one of `{names}`, not {there}"),
                    );
                }
            }
            (Kind::ByType(shapes, other), Value::Object(fields)) => {
                self.by_type(fields, shapes, *other, place)
            }
            (Kind::Map(..) | Kind::Ids(..) | Kind::Object(_) | Kind::OneOf(..) | Kind::ByType(..), _) => {
                self.needs(place, "a map", value);
            }
        }
    }

    fn whole(&mut self, value: &Value, least: i64, most: i64, place: &Place<'_>) {
        let Some(number) = value.as_number() else { return self.needs(place, "a whole number", value) };
        let Some(whole) = whole(number) else {
            return self.tell(Rule::PropertyType, place, "needs a whole number");
        };
        if whole < least || whole > most {
            let message = if most == i64::MAX {
                format!("is {least} or more")
            } else {
                format!("is a whole number from {least} to {most}")
            };
            self.tell(Rule::PropertyValue, place, message);
        }
    }

    fn id(&mut self, text: &str, place: &Place<'_>) {
        match CacaoId::new(text) {
            Err(error) => self.tell(Rule::Identifier, place, format!("{:?} {error}", short(text))),
            Ok(id) if !id.is_of_the_standard() => {
                let message = "has not the form of an id of the standard, a type, `--` and a UUID of version 1 to 5; it is taken as it is";
                self.tell(Rule::IdentifierForm, place, message);
            }
            Ok(_) => {}
        }
    }

    fn time(&mut self, text: &str, place: &Place<'_>) {
        match CacaoTime::read(text) {
            None => {
                let text = short(text);
                let message = format!("{text:?} is no instant in UTC, such as `2023-11-20T15:56:00.123Z`");
                self.tell(Rule::Timestamp, place, message);
            }
            Some(time) if !time.has_milliseconds() => {
                self.tell(
                    Rule::TimestampPrecision,
                    place,
                    "has not three decimals of a second; milliseconds count",
                );
            }
            Some(_) => {}
        }
    }

    fn list<'v>(&mut self, items: &'v [Value], of: &'static Kind, least: usize, place: &Place<'v>) {
        if items.len() < least {
            self.tell(Rule::EmptyList, place, format!("has at least {least} {}", entries(least)));
        }
        if items.len() > CACAO_ITEMS {
            self.too_many(items.len(), place);
        }
        for (number, value) in items.iter().enumerate().take(CACAO_ITEMS) {
            self.value(value, of, &place.item(number));
        }
    }

    fn entries(&mut self, map: &BTreeMap<String, Value>, least: usize, place: &Place<'_>) {
        if map.len() < least {
            self.tell(Rule::EmptyList, place, format!("has at least {least} {}", entries(least)));
        }
        if map.len() > CACAO_ITEMS {
            self.too_many(map.len(), place);
        }
    }

    fn too_many(&mut self, found: usize, place: &Place<'_>) {
        self.tell(Rule::TooMany, place, format!("has {found} entries; at most {CACAO_ITEMS} are allowed"));
    }

    fn object<'v>(&mut self, fields: &'v BTreeMap<String, Value>, shape: Shape, place: &Place<'v>) {
        let properties = || shape.iter().flat_map(|group| group.iter());
        for (name, value) in fields {
            match properties().rfind(|property| property.name == name) {
                Some(property) => self.value(value, property.kind, &place.property(name)),
                None => {
                    let near = suggestion(name, properties().map(|property| property.name));
                    let message = format!("is no property of the standard here, and is not looked at{near}");
                    self.tell(Rule::UnknownProperty, &place.property(name), message);
                }
            }
        }
        for missing in
            properties().filter(|property| property.required && !fields.contains_key(property.name))
        {
            self.tell(Rule::MissingProperty, place, format!("`{}` is missing", missing.name));
        }
    }

    /// An object by its type; where its id begins with the word for another type, it is refused.
    fn by_type<'v>(
        &mut self,
        fields: &'v BTreeMap<String, Value>,
        shapes: &'static [(&'static str, Shape)],
        other: Option<Shape>,
        place: &Place<'v>,
    ) {
        let here = place.property("type");
        let Some(word) = fields.get("type") else {
            return self.tell(Rule::MissingProperty, place, "`type` is missing");
        };
        let Some(word) = word.as_str() else { return self.needs(&here, "a word", word) };
        let named = CacaoId::new(place.object).ok();
        let named = named.as_ref().and_then(CacaoId::object_type).filter(|_| is_key(place));
        let is_known = |word: &str| shapes.iter().any(|(known, _)| *known == word);
        if let Some(named) = named.filter(|named| *named != word && is_known(named)) {
            let message = format!("is {:?}, and its id says `{named}`", short(word));
            self.tell(Rule::ObjectType, &here, message);
        }
        let words = || shapes.iter().map(|(word, _)| *word);
        match (shapes.iter().find(|(known, _)| *known == word), other) {
            (Some((_, shape)), _) => self.object(fields, shape, place),
            (None, Some(shape)) => {
                let near = suggestion(word, words());
                let message = format!("{:?} is no type of the standard{near}", short(word));
                self.tell(Rule::OpenVocabulary, &here, message);
                for (name, property) in
                    shape.iter().flat_map(|group| group.iter()).map(|known| (known.name, known))
                {
                    match fields.get(name) {
                        Some(value) => self.value(value, property.kind, &place.property(name)),
                        None if property.required => {
                            self.tell(Rule::MissingProperty, place, format!("`{name}` is missing"));
                        }
                        None => {}
                    }
                }
            }
            (None, None) => {
                let near = suggestion(word, words());
                let all: Vec<&str> = words().collect();
                let message = format!("is one of `{}`, not {:?}{near}", all.join("`, `"), short(word));
                self.tell(Rule::PropertyValue, &here, message);
            }
        }
    }
}

/// Whether a place is that of an object by its id, and not of something inside of it.
fn is_key(place: &Place<'_>) -> bool {
    place.path.ends_with(&crate::path::segment(place.object, false))
}

fn entries(number: usize) -> &'static str {
    if number == 1 { "entry" } else { "entries" }
}

/// A number that is whole, as JSON Schema sees it: `1.0` is.
pub(super) fn whole(number: &updraft_protocol::Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let float = number.as_f64();
    // Beyond these an f64 has no decimals, and the bounds of all properties are far within.
    let is_whole = float.fract() == 0.0 && !number.to_string().contains("e-");
    is_whole.then_some(float as i64)
}
