//! Fields: the description of a document from which everything follows that is the same for every field: how stores
//! write and read it, how newer updates replace it, its size. Knows no store.

use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call_record::CallRecord;
use crate::containment::{ContainmentDetails, ContainmentStatus};
use crate::control_history::ControlHistory;
use crate::ending::ExecutionEnding;
use crate::event::EventPosition;
use crate::failure::Failure;
use crate::ids::{AuditId, ContainmentId, ExecutionId, Name, PlaybookId, StepId, TaskId, TenantCode};
use crate::input_hash::InputHash;
use crate::json::Json;
use crate::parent::Parent;
use crate::pause::Pause;
use crate::priority::Priority;
use crate::rerun::RerunOf;
use crate::scope::ScopePath;
use crate::signal::ReceivedSignals;
use crate::status::{CacheMode, ExecutionStatus, PlaybookStatus, TaskStatus};
use crate::time::Timestamp;
use crate::undo::UndoRecord;
use crate::wait::Wait;

/// A part of a document, field by field.
pub trait Fields: Sized {
    /// Its fields, in the order in which they are written and read.
    const FIELDS: &'static [FieldSpec];

    /// Writes every field to a store.
    ///
    /// # Errors
    /// A value that the store cannot keep.
    fn write_fields<W: FieldWriter>(&self, to: &mut W) -> Result<(), W::Error>;

    /// Reads every field from a store.
    ///
    /// # Errors
    /// A value that is not valid.
    fn read_fields<R: FieldReader>(from: &mut R) -> Result<Self, R::Error>;

    /// The approximate number of bytes of the texts in all fields.
    fn text_bytes(&self) -> usize;
}

/// The description of a field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name, which SOAR backends query.
    pub name: &'static str,
    /// Whether it may be missing. In an update, a missing field leaves the stored one as it is.
    pub optional: bool,
    /// Whether it may be large: summaries leave it out.
    pub large: bool,
}

/// Writes fields to a store: one call for each field.
pub trait FieldWriter {
    /// Why a value cannot be kept.
    type Error;

    /// An id.
    fn id(&mut self, name: &'static str, id: &[u8; 16]) -> Result<(), Self::Error>;
    /// A text.
    fn text(&mut self, name: &'static str, text: &str) -> Result<(), Self::Error>;
    /// A number.
    fn number(&mut self, name: &'static str, number: u64) -> Result<(), Self::Error>;
    /// A JSON value.
    fn json(&mut self, name: &'static str, json: &Json) -> Result<(), Self::Error>;
    /// A failure, a wait or a call.
    fn record(&mut self, name: &'static str, record: &impl Serialize) -> Result<(), Self::Error>;
    /// An optional field without a value.
    fn missing(&mut self, name: &'static str) -> Result<(), Self::Error>;
}

/// Reads fields from a store: one call for each field.
pub trait FieldReader {
    /// Why a field cannot be read.
    type Error;

    /// An id.
    fn id(&mut self, name: &'static str) -> Result<Option<[u8; 16]>, Self::Error>;
    /// A text.
    fn text(&mut self, name: &'static str) -> Result<Option<&str>, Self::Error>;
    /// A number.
    fn number(&mut self, name: &'static str) -> Result<Option<i64>, Self::Error>;
    /// A JSON value.
    fn json(&mut self, name: &'static str) -> Result<Option<Json>, Self::Error>;
    /// A failure, a wait or a call.
    fn record<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Self::Error>;
    /// The error of a field that cannot be read; `why` contains nothing of its content.
    fn corrupt(&self, name: &'static str, why: &str) -> Self::Error;

    /// Whether fields that may be large are left out.
    fn summary(&self) -> bool {
        false
    }
}

/// The type of a field that cannot be missing.
pub trait FieldValue: Sized {
    /// See [`FieldSpec::large`].
    const LARGE: bool = false;

    /// Writes the value to a store.
    ///
    /// # Errors
    /// A value that the store cannot keep.
    fn write_value<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error>;

    /// Reads the value from a store, if there is one.
    ///
    /// # Errors
    /// A value that is not valid.
    fn read_value<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Option<Self>, R::Error>;

    /// The approximate number of bytes of its texts.
    fn value_bytes(&self) -> usize {
        0
    }

    /// The value in a summary.
    fn left_out() -> Option<Self> {
        None
    }
}

/// The type of a field: a value, or an `Option` of one.
pub trait Field: Sized {
    /// See [`FieldSpec::optional`].
    const OPTIONAL: bool;
    /// See [`FieldSpec::large`].
    const LARGE: bool;

    /// Writes the field to a store.
    ///
    /// # Errors
    /// A value that the store cannot keep.
    fn write<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error>;

    /// Reads the field from a store.
    ///
    /// # Errors
    /// A value that is missing or not valid.
    fn read<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Self, R::Error>;

    /// Replaces this value by a newer one.
    fn replace(&mut self, newer: Self);

    /// The approximate number of bytes of its texts.
    fn bytes(&self) -> usize;
}

impl<T: FieldValue> Field for T {
    const OPTIONAL: bool = false;
    const LARGE: bool = T::LARGE;

    fn write<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
        self.write_value(name, to)
    }

    fn read<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Self, R::Error> {
        match T::read_value(name, from)? {
            Some(value) => Ok(value),
            None if from.summary() => T::left_out().ok_or_else(|| from.corrupt(name, "missing")),
            None => Err(from.corrupt(name, "missing")),
        }
    }

    fn replace(&mut self, newer: Self) {
        *self = newer;
    }

    fn bytes(&self) -> usize {
        self.value_bytes()
    }
}

impl<T: FieldValue> Field for Option<T> {
    const OPTIONAL: bool = true;
    const LARGE: bool = T::LARGE;

    fn write<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
        match self {
            Some(value) => value.write_value(name, to),
            None => to.missing(name),
        }
    }

    fn read<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Self, R::Error> {
        T::read_value(name, from)
    }

    fn replace(&mut self, newer: Self) {
        if newer.is_some() {
            *self = newer;
        }
    }

    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, T::value_bytes)
    }
}

/// Rare values are boxed, so that documents without them stay small.
impl<T: FieldValue> FieldValue for Box<T> {
    const LARGE: bool = T::LARGE;

    fn write_value<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
        T::write_value(self, name, to)
    }

    fn read_value<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Option<Self>, R::Error> {
        Ok(T::read_value(name, from)?.map(Self::new))
    }

    fn value_bytes(&self) -> usize {
        size_of::<T>() + T::value_bytes(self)
    }

    fn left_out() -> Option<Self> {
        T::left_out().map(Self::new)
    }
}

/// Defines a struct and its [`Fields`]. A field is stored under its own name, or under the one after `as`.
macro_rules! fields {
    ($(#[$doc:meta])* pub struct $struct:ident {
        $($(#[$field_doc:meta])* pub $field:ident $(as $name:literal)?: $type:ty,)+
    }) => {
        $(#[$doc])*
        pub struct $struct { $($(#[$field_doc])* pub $field: $type,)+ }

        impl $struct {
            /// Merges a newer change into this one: the fields that it sets win.
            pub fn merge(&mut self, newer: Self) {
                $($crate::field::Field::replace(&mut self.$field, newer.$field);)+
            }
        }

        const _: () = {
            use $crate::field::{Field, FieldReader, FieldSpec, FieldWriter, Fields, stored_name};

            impl Fields for $struct {
                const FIELDS: &'static [FieldSpec] = &[$(FieldSpec {
                    name: stored_name!($field $($name)?),
                    optional: <$type as Field>::OPTIONAL,
                    large: <$type as Field>::LARGE,
                }),+];

                fn write_fields<W: FieldWriter>(&self, to: &mut W) -> Result<(), W::Error> {
                    $(self.$field.write(stored_name!($field $($name)?), to)?;)+
                    Ok(())
                }

                fn read_fields<R: FieldReader>(from: &mut R) -> Result<Self, R::Error> {
                    Ok(Self { $($field: Field::read(stored_name!($field $($name)?), from)?),+ })
                }

                fn text_bytes(&self) -> usize {
                    0 $(+ Field::bytes(&self.$field))+
                }
            }
        };
    };
}

macro_rules! stored_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

pub(crate) use {fields, stored_name};

/// How a type is stored: the calls to write and read it, and how many bytes of it count.
macro_rules! stored {
    ($($type:ty: |$this:ident| $call:ident($value:expr), $from:expr $(, $bytes:expr)?;)+) => {$(
        impl FieldValue for $type {
            fn write_value<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
                let $this = self;
                to.$call(name, $value)
            }

            fn read_value<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Option<Self>, R::Error> {
                let Some(value) = from.$call(name)? else { return Ok(None) };
                let read: Result<Self, &str> = ($from)(value);
                read.map(Some).map_err(|why| from.corrupt(name, why))
            }

            $(fn value_bytes(&self) -> usize {
                let $this = self;
                $bytes
            })?
        }
    )+};
}

stored! {
    AuditId: |id| id(id.as_bytes()), |id| Ok(Self::from_bytes(id));
    ContainmentId: |id| id(id.as_bytes()), |id| Ok(Self::from_bytes(id));
    ExecutionId: |id| id(id.as_bytes()), |id| Ok(Self::from_bytes(id));
    PlaybookId: |id| id(id.as_bytes()), |id| Ok(Self::from_bytes(id));
    TaskId: |id| id(id.as_bytes()), |id| Ok(Self::from_bytes(id));
    TenantCode: |name| text(name.as_str()), parsed, name.as_str().len();
    Name: |name| text(name.as_str()), parsed, name.as_str().len();
    StepId: |name| text(name.as_str()), parsed, name.as_str().len();
    ScopePath: |path| text(path.as_str()), parsed, path.as_str().len();
    ContainmentStatus: |status| text(status.as_str()), parsed;
    ExecutionStatus: |status| text(status.as_str()), parsed;
    PlaybookStatus: |status| text(status.as_str()), parsed;
    CacheMode: |mode| text(mode.as_str()), parsed;
    TaskStatus: |status| text(status.as_str()), parsed;
    InputHash: |hash| text(&hash.to_string()), parsed;
    String: |text| text(text), |text: &str| Ok(text.to_owned()), text.len();
    Arc<str>: |text| text(text), |text: &str| Ok(Self::from(text)), text.len();
    Priority: |priority| number(u64::from(priority.level())), |level| Self::try_from(counted::<u8>(level)?).map_err(|_| "out of range");
    u32: |number| number(u64::from(*number)), counted;
    u64: |number| number(*number), counted;
    EventPosition: |position| number(position.0), |number| counted(number).map(EventPosition);
    Timestamp: |date| number(date.0), |date| counted(date).map(Timestamp);
    ExecutionEnding: |ending| record(ending), Ok, ending.text_bytes();
    Failure: |failure| record(failure), Ok, failure.message.len() + failure.answer.bytes();
    Parent: |parent| record(parent), Ok;
    Wait: |wait| record(wait), Ok, wait.text_bytes();
    Arc<RerunOf>: |rerun| record(&**rerun), |rerun| Ok(Self::new(rerun)), RerunOf::text_bytes(rerun);
    Arc<Pause>: |pause| record(&**pause), |pause| Ok(Self::new(pause)), Pause::text_bytes(pause);
    Arc<ControlHistory>: |history| record(&**history), |history| Ok(Self::new(history)), ControlHistory::bytes(history);
    Arc<CallRecord>: |call| record(&**call), |call| Ok(Self::new(call)), CallRecord::bytes(call);
    Arc<ContainmentDetails>: |details| record(&**details), |details| Ok(Self::new(details)), ContainmentDetails::bytes(details);
    Arc<UndoRecord>: |undo| record(&**undo), |undo| Ok(Self::new(undo)), UndoRecord::bytes(undo);
}

fn parsed<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "not a value that this version knows")
}

fn counted<T: TryFrom<i64>>(number: i64) -> Result<T, &'static str> {
    T::try_from(number).map_err(|_| "out of range")
}

/// Large, as their payloads are values.
impl FieldValue for Arc<ReceivedSignals> {
    const LARGE: bool = true;

    fn write_value<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
        to.record(name, &**self)
    }

    fn read_value<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Option<Self>, R::Error> {
        Ok(from.record(name)?.map(Self::new))
    }

    fn value_bytes(&self) -> usize {
        ReceivedSignals::bytes(self)
    }
}

impl FieldValue for Json {
    const LARGE: bool = true;

    fn write_value<W: FieldWriter>(&self, name: &'static str, to: &mut W) -> Result<(), W::Error> {
        to.json(name, self)
    }

    fn read_value<R: FieldReader>(name: &'static str, from: &mut R) -> Result<Option<Self>, R::Error> {
        from.json(name)
    }

    fn value_bytes(&self) -> usize {
        self.as_str().len()
    }

    fn left_out() -> Option<Self> {
        Some(Self::null())
    }
}
