//! Checks of extensions: each that is used is told of once, as nothing is done for it, and is to be defined.

use std::collections::BTreeMap;

use super::Check;
use crate::model::{CacaoId, ClientCredentials};
use crate::path::property;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    // The first place of each.
    let mut used: BTreeMap<&CacaoId, String> = BTreeMap::new();
    let objects =
        playbook
            .steps
            .iter()
            .map(|(id, step)| ("workflow", id, "step_extensions", &step.extensions))
            .chain(
                playbook.agents.iter().map(|(id, agent)| {
                    ("agent_definitions", id, "agent_target_extensions", &agent.extensions)
                }),
            )
            .chain(playbook.targets.iter().map(|(id, target)| {
                ("target_definitions", id, "agent_target_extensions", &target.extensions)
            }));
    for extension in playbook.extensions.keys() {
        used.entry(extension).or_insert_with(|| property("playbook_extensions", extension.as_str()));
    }
    for (definitions, id, name, extensions) in objects {
        for extension in extensions.keys() {
            used.entry(extension).or_insert_with(|| {
                let object = property(&property(definitions, id.as_str()), name);
                property(&object, extension.as_str())
            });
        }
    }
    for (id, authentication) in &playbook.authentications {
        for extension in &authentication.extensions {
            used.entry(extension).or_insert_with(|| {
                let object = property("authentication_info_definitions", id.as_str());
                property(&property(&object, "authentication_info_extensions"), extension.as_str())
            });
        }
    }
    for (extension, path) in used {
        if extension.as_str() == ClientCredentials::EXTENSION {
            continue;
        }
        match playbook.extension_definitions.get(extension) {
            Some(definition) => {
                let name = crate::path::short(&definition.name);
                check.tell(Rule::Extension, &path, format!("nothing is done for the extension {name:?}"));
            }
            None => {
                let message = "is defined nowhere in `extension_definitions`, and nothing is done for it";
                check.tell(Rule::ExtensionUndefined, &path, message);
            }
        }
    }
}
