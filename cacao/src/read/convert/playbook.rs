//! The playbook, its signatures and its definitions of extensions.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Value;

use super::{Context, Properties, agent_target, authentication, marking, step, variable};
use crate::model::{CacaoId, CacaoPlaybook, ExtensionDefinition, Signature};
use crate::path::property;
use crate::read::Findings;

/// The playbook with these properties. Adds the steps of which more than the pointers could not be read to `unread`.
pub(in crate::read) fn playbook(
    fields: &BTreeMap<String, Value>,
    findings: &mut Findings,
    unread: &mut BTreeSet<CacaoId>,
) -> CacaoPlaybook {
    let fields = Properties(fields);
    let id = fields.id_or_stand_in("id");
    let mut context = Context { findings, object: id.to_string(), path: "playbook_variables".to_owned() };
    let variables = variable::all(fields.map("playbook_variables"), &mut context);
    let mut steps = BTreeMap::new();
    for (id, value) in fields.map("workflow").by_id() {
        (context.object, context.path) = (id.to_string(), property("workflow", id.as_str()));
        let step = step::read(Properties::of(value), &id, &mut context, unread);
        steps.insert(id, step);
    }
    let definitions = |name: &'static str| fields.map(name).by_id();
    let authentications = definitions("authentication_info_definitions")
        .map(|(id, value)| {
            let read = authentication::read(Properties::of(value));
            (id, read)
        })
        .collect();
    let agents =
        definitions("agent_definitions").map(|(id, value)| (id, agent_target::read(Properties::of(value))));
    let targets =
        definitions("target_definitions").map(|(id, value)| (id, agent_target::read(Properties::of(value))));
    let markings = definitions("data_marking_definitions")
        .filter_map(|(id, value)| Some((id, marking::read(Properties::of(value))?)));
    let extensions =
        definitions("extension_definitions").map(|(id, value)| (id, extension(Properties::of(value))));
    CacaoPlaybook {
        name: fields.text_or_empty("name"),
        description: fields.text("description"),
        playbook_types: fields.texts("playbook_types"),
        playbook_activities: fields.texts("playbook_activities"),
        processing_summary: summary(fields.map("playbook_processing_summary")),
        created_by: fields.id_or_stand_in("created_by"),
        created: fields.time_or_stand_in("created"),
        modified: fields.time_or_stand_in("modified"),
        revoked: fields.flag("revoked"),
        valid_from: fields.time("valid_from"),
        valid_until: fields.time("valid_until"),
        derived_from: fields.ids("derived_from"),
        related_to: fields.ids("related_to"),
        priority: percent(fields, "priority"),
        severity: percent(fields, "severity"),
        impact: percent(fields, "impact"),
        industry_sectors: fields.texts("industry_sectors"),
        labels: fields.texts("labels"),
        external_references: fields.external_references(),
        markings: fields.ids("markings"),
        variables,
        start: fields.id_or_stand_in("workflow_start"),
        exception: fields.id("workflow_exception"),
        steps,
        extensions: fields.extensions("playbook_extensions"),
        authentications,
        agents: agents.collect(),
        targets: targets.collect(),
        extension_definitions: extensions.collect(),
        marking_definitions: markings.collect(),
        signatures: fields.list("signatures").iter().map(|value| signature(Properties::of(value))).collect(),
        id,
    }
}

fn summary(fields: Properties<'_>) -> BTreeMap<String, bool> {
    fields.0.iter().filter_map(|(name, flag)| Some((name.clone(), flag.as_bool()?))).collect()
}

fn percent(fields: Properties<'_>, name: &str) -> Option<u8> {
    fields.whole(name)?.try_into().ok()
}

fn extension(fields: Properties<'_>) -> ExtensionDefinition {
    ExtensionDefinition {
        name: fields.text_or_empty("name"),
        description: fields.text("description"),
        created_by: fields.id_or_stand_in("created_by"),
        schema: fields.text_or_empty("schema"),
        version: fields.text_or_empty("version"),
        external_references: fields.external_references(),
    }
}

fn signature(fields: Properties<'_>) -> Signature {
    Signature {
        id: fields.id_or_stand_in("id"),
        signee: fields.text_or_empty("signee"),
        related_to: fields.id_or_stand_in("related_to"),
    }
}
