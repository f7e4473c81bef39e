//! Nodes to the types of a playbook, through serde. Owns that every mistake gets its place and its path; knows no
//! notation, so that JSON and YAML are read alike.

use std::rc::Rc;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::mistake::{self, Mistake, Step};
use super::node::{Field, Kind, Node};
use crate::time;
use crate::value::{self, Number, Value};

/// Reads a type from `node`.
///
/// # Errors
/// The first mistake.
pub(super) fn read<'de, T: serde::Deserialize<'de>>(node: &'de Node) -> Result<T, Mistake> {
    T::deserialize(At(node)).map_err(|mistake| mistake.or_at(node.at))
}

/// A node to read from.
#[derive(Clone, Copy)]
struct At<'de>(&'de Node);

impl<'de> At<'de> {
    fn found(self) -> Unexpected<'de> {
        match &self.0.kind {
            Kind::Null => Unexpected::Unit,
            Kind::Bool(value) => Unexpected::Bool(*value),
            Kind::Number(number) => match (number.as_u64(), number.as_i64(), number.as_exact_f64()) {
                (Some(number), ..) => Unexpected::Unsigned(number),
                (_, Some(number), _) => Unexpected::Signed(number),
                (.., Some(number)) => Unexpected::Float(number),
                _ => Unexpected::Other("a number of more digits"),
            },
            Kind::Text(text) => Unexpected::Str(text),
            Kind::List(_) => Unexpected::Seq,
            Kind::Map(_) => Unexpected::Map,
        }
    }

    fn wrong<V: Visitor<'de>>(self, visitor: &V) -> Mistake {
        Mistake::invalid_type(self.found(), visitor)
    }

    fn whole<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (_, Some(number)) => visitor.visit_i64(number),
                _ => Err(self.wrong(&visitor)),
            },
            _ => Err(self.wrong(&visitor)),
        }
    }

    /// The mistake for a value that is no text; suggests quotes, and a unit for a duration.
    fn no_text<V: Visitor<'de>>(self, visitor: &V) -> Mistake {
        let mistake = self.wrong(visitor);
        let unquoted = match &self.0.kind {
            Kind::Bool(value) => value.to_string(),
            Kind::Number(number) => number.to_string(),
            _ => return mistake,
        };
        let needed = mistake::words(visitor);
        if needed == mistake::TEXT {
            return Mistake::custom(format!("{mistake}; as a text it needs quotes: `\"{unquoted}\"`"));
        }
        if needed == time::SUCH_A_SPAN && unquoted.bytes().all(|byte| byte.is_ascii_digit()) {
            return Mistake::custom(format!("{mistake}; its unit is missing: `{unquoted}s`"));
        }
        mistake
    }
}

impl<'de> Deserializer<'de> for At<'de> {
    type Error = Mistake;

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.whole(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.whole(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number(number) => match (number.as_u64(), number.as_i64(), number.as_exact_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., Some(number)) => visitor.visit_f64(number),
                _ => Err(self.wrong(&visitor)),
            },
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Kind::Map(fields) => {
                visitor.visit_map(Fields { fields, next: 0 }).map_err(|mistake| mistake.at_field(fields))
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Number(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.no_text(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::List(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Map(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Text(text) => visitor.visit_enum(Word(text)),
            _ => Err(Mistake::custom(format!("one of {} is needed", known.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if name == value::WHOLE {
            visitor.visit_string(tree(self.0).to_string())
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// A node as a value.
fn tree(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Number(number) => Value::Number(Number::clone(number)),
        Kind::Text(text) => Value::String(text.clone()),
        Kind::List(items) => Value::Array(items.iter().map(|item| tree(item)).collect()),
        Kind::Map(fields) => {
            Value::Object(fields.iter().map(|field| (field.name.clone(), tree(&field.node))).collect())
        }
    }
}

struct Items<'de> {
    items: &'de [Rc<Node>],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let at = self.next;
        let Some(item) = self.items.get(at) else { return Ok(None) };
        self.next += 1;
        let read = seed.deserialize(At(item));
        read.map(Some).map_err(|mistake| mistake.or_at(item.at).inside(Step::Item(at)))
    }
}

struct Fields<'de> {
    fields: &'de [Field],
    next: usize,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Mistake;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some(field) = self.fields.get(self.next) else { return Ok(None) };
        let name: StrDeserializer<'de, Mistake> = field.name.as_str().into_deserializer();
        let read = seed.deserialize(name);
        read.map(Some).map_err(|mistake| mistake.or_at(field.at).inside(Step::Field(field.name.clone())))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let field = self.fields.get(self.next).ok_or_else(|| Mistake::custom("a field without a value"))?;
        self.next += 1;
        let read = seed.deserialize(At(&field.node));
        read.map_err(|mistake| mistake.or_at(field.node.at).inside(Step::Field(field.name.clone())))
    }
}

/// A text that names one of several variants.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mistake> {
        let name: StrDeserializer<'de, Mistake> = self.0.into_deserializer();
        seed.deserialize(name).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Mistake> {
        Err(Mistake::custom("a word alone is no such value"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mistake> {
        Err(Mistake::custom("a word alone is no such value"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Mistake> {
        Err(Mistake::custom("a word alone is no such value"))
    }
}
