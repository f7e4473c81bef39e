//! The step `approval`: a question to people. Owns its fields; asks nobody.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::body::{Body, Handler, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use crate::ids::StepId;
use crate::time::Span;
use crate::value::Value;

/// A question to people, whose answer decides how the path goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Approval {
    /// The question, a template.
    #[serde(rename = "approval")]
    pub question: String,
    /// What runs after each choice; `continue` where the path just goes on. Without it, there is `approve`, with which the
    /// path goes on. `refuse` is always possible: without a body of its own, it fails the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
    /// What an answer has to say beside its choice, as a JSON Schema of a map: an answer whose `data` does not fit is refused.
    /// `default` of a property is filled in. A `refuse` needs no data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// The people who may answer, a template: a text, or a list of them. They are compared with the person that the caller
    /// of the engine names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignees: Option<Value>,
    /// The group, or groups, whose members may answer too, a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Value>,
    /// How many people have to choose the same; 1 unless said. One `refuse` is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub quorum: Option<u32>,
    /// How long it waits; by default seven days. Then `on_timeout` is next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What runs beside the wait from its beginning: it asks people by whatever tool they read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_open: Option<Body>,
    /// What runs again and again beside the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_reminder: Option<Reminder>,
    /// What runs beside the wait once it has lasted a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_escalation: Option<Escalation>,
}

/// A body that runs again and again while people are waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reminder {
    /// The time from the question to the first reminder, and from each to the next.
    pub every: Span,
    /// What runs.
    #[serde(rename = "do")]
    pub body: Body,
}

/// A body that runs once people have been waited for so long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The time from the question.
    pub after: Span,
    /// What runs.
    #[serde(rename = "do")]
    pub body: Body,
}

/// The bodies of the choices by their names, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices(pub Vec<(StepId, Body)>);

impl Serialize for Choices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, body)| (name, body)))
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoicesVisitor;

        impl<'de> Visitor<'de> for ChoicesVisitor {
            type Value = Choices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from choices to lists of steps, or `continue`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choices, A::Error> {
                let mut choices = Vec::new();
                while let Some((name, way)) = map.next_entry::<StepId, Handler>()? {
                    match way {
                        Handler::Body(body) => choices.push((name, body)),
                        Handler::Step(id) => {
                            let message =
                                format!("{name}: a list of steps, or `continue`, is needed, not `{id}`");
                            return Err(serde::de::Error::custom(message));
                        }
                    }
                }
                Ok(Choices(choices))
            }
        }

        deserializer.deserialize_map(ChoicesVisitor)
    }
}

impl JsonSchema for Choices {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Choices".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let body = generator.subschema_for::<Body>();
        let name = generator.subschema_for::<StepId>();
        schemars::json_schema!({
            "description": "Steps for each choice, or `continue`.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 20,
            "propertyNames": name,
            "additionalProperties": { "oneOf": [body, { "const": "continue" }] },
        })
    }
}

impl FieldsOfKind for Approval {
    const FIELDS: &'static [&'static str] = &[
        "approval",
        "choices",
        "form",
        "assignees",
        "group",
        "quorum",
        "timeout",
        "on_open",
        "on_reminder",
        "on_escalation",
        "next",
        "on_failure",
        "on_timeout",
        "on_cancel",
    ];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            question: fields.approval.take().ok_or("needs `approval`")?,
            choices: fields.choices.take(),
            form: fields.form.take(),
            assignees: fields.assignees.take(),
            group: fields.group.take(),
            quorum: fields.quorum.take(),
            timeout: fields.timeout.take(),
            on_open: fields.on_open.take(),
            on_reminder: fields.on_reminder.take(),
            on_escalation: fields.on_escalation.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        let choices = self.choices.iter().flat_map(|choices| &choices.0);
        let choices = choices.map(|(name, body)| NestedBody::on_path(format!("choices.{name}"), body));
        let beside = [
            self.on_open.as_ref().map(|body| ("on_open", body)),
            self.on_reminder.as_ref().map(|reminder| ("on_reminder.do", &reminder.body)),
            self.on_escalation.as_ref().map(|escalation| ("on_escalation.do", &escalation.body)),
        ];
        let beside = beside.into_iter().flatten().map(|(field, body)| NestedBody::repeated(field, body));
        choices.chain(beside).collect()
    }
}
