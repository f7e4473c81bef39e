//! From the tree of a file to the model. What is missing or of a wrong type was told before: a stand-in takes its place here. Owns what
//! can only be told while a text is taken apart: names of variables, base64, first lines of requests.

mod agent_target;
mod authentication;
mod command;
mod marking;
mod playbook;
mod step;
mod variable;

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::Findings;
use super::shape::whole;
use crate::finding::CacaoFinding;
use crate::model::{CacaoId, CacaoTime, ExternalReference};
use crate::path::short;
use crate::rule::Rule;

pub(super) use playbook::playbook;

/// The properties of an object.
#[derive(Clone, Copy)]
struct Properties<'v>(&'v BTreeMap<String, Value>);

/// An object without properties.
static NONE: BTreeMap<String, Value> = BTreeMap::new();

impl<'v> Properties<'v> {
    fn of(value: &'v Value) -> Self {
        Self(value.as_object().unwrap_or(&NONE))
    }

    fn text(self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn text_or_empty(self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn whole(self, name: &str) -> Option<u64> {
        whole(self.0.get(name)?.as_number()?)?.try_into().ok()
    }

    fn id(self, name: &str) -> Option<CacaoId> {
        CacaoId::new(self.0.get(name)?.as_str()?).ok()
    }

    fn id_or_stand_in(self, name: &str) -> CacaoId {
        self.id(name).unwrap_or_else(CacaoId::stand_in)
    }

    fn time(self, name: &str) -> Option<CacaoTime> {
        CacaoTime::read(self.0.get(name)?.as_str()?)
    }

    fn time_or_stand_in(self, name: &str) -> CacaoTime {
        self.time(name).unwrap_or_else(CacaoTime::stand_in)
    }

    fn list(self, name: &str) -> &'v [Value] {
        self.0.get(name).and_then(Value::as_array).unwrap_or_default()
    }

    fn texts(self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn ids(self, name: &str) -> Vec<CacaoId> {
        self.list(name).iter().filter_map(|item| CacaoId::new(item.as_str()?).ok()).collect()
    }

    fn map(self, name: &str) -> Self {
        self.0.get(name).map_or(Self(&NONE), Self::of)
    }

    /// The texts of a map by their names.
    fn texts_by_name(self) -> BTreeMap<String, String> {
        let texts = self.0.iter().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())));
        texts.collect()
    }

    /// The values of a map by ids.
    fn by_id(self) -> impl Iterator<Item = (CacaoId, &'v Value)> {
        self.0.iter().filter_map(|(id, value)| Some((CacaoId::new(id).ok()?, value)))
    }

    fn extensions(self, name: &str) -> BTreeMap<CacaoId, Value> {
        self.map(name).by_id().map(|(id, value)| (id, value.clone())).collect()
    }

    fn external_references(self) -> Vec<ExternalReference> {
        let read = |value| {
            let fields = Properties::of(value);
            ExternalReference {
                name: fields.text_or_empty("name"),
                description: fields.text("description"),
                source: fields.text("source"),
                url: fields.text("url"),
                external_id: fields.text("external_id"),
                reference_id: fields.text("reference_id"),
            }
        };
        self.list("external_references").iter().map(read).collect()
    }

    /// The properties other than these.
    fn others(self, known: &[&str]) -> BTreeMap<String, Value> {
        let others = self.0.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        others.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Where a conversion is, and where it tells what it finds.
struct Context<'f> {
    findings: &'f mut Findings,
    object: String,
    path: String,
}

impl Context<'_> {
    fn tell(&mut self, rule: Rule, path: &str, message: impl Into<String>) {
        self.findings.add(CacaoFinding::new(rule, short(&self.object), path, message));
    }
}
