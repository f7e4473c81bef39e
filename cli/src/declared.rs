//! Integrations that are declared and never called: those that dry runs, tests and replays check playbooks against. Owns the file of
//! `--integrations`, by which integrations of a backend are described that this program does not have. Nothing here could call a tool.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use updraft::limits::{DECLARED_ACTIONS, DECLARED_BYTES};
use updraft::{
    ActionSpec, Answer, Argument, Builder, Call, Effect, Failure, FailureKind, Integration, Json, Name,
    Value, check_schema, parse,
};
use updraft_replay::file::placed;

use crate::data;
use crate::exit::Error;
use crate::input;
use crate::mail;
use crate::network;
use crate::options::{ConnectorOptions, Data, Grants};
use crate::shell;

/// The integrations that the program has, and steps that Updraft itself decides.
const OWN: [&str; 5] = ["http", "mail", "bash", "ssh", "updraft"];

/// The tools that playbooks are checked against where nothing is called: those of the program, and those that a file describes.
pub(crate) fn declared(
    options: &Data,
    connectors: &ConnectorOptions,
    file: Option<&Path>,
) -> Result<Builder, Error> {
    let grants = Grants { connectors: connectors.clone(), ..Grants::default() };
    let tools = data::tools(network::allowed(&[], &options.data)?, &grants)?;
    add(tools, file)
}

/// The tools with those besides that are declared alone.
pub(crate) fn add(tools: Builder, file: Option<&Path>) -> Result<Builder, Error> {
    let tools = mail::declared(shell::declared(tools));
    let Some(path) = file else { return Ok(tools) };
    let bytes = input::bytes(path, DECLARED_BYTES).map_err(|error| Error::refused(path.display(), error))?;
    let read = read(&bytes).map_err(|mistakes| {
        let told = mistakes.into_iter().map(|mistake| format!("{}: {mistake}", path.display()));
        Error::Refused(told.collect::<Vec<_>>().join("\n"))
    })?;
    Ok(read.into_iter().fold(tools, |tools, (name, declared)| tools.integration(name, declared)))
}

/// What a file says of one action.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAction {
    #[serde(default)]
    effect: WrittenEffect,
    /// Whether its arguments may have references to secrets.
    #[serde(default)]
    secrets: bool,
    /// Whether repeating it is harmless.
    #[serde(default)]
    idempotent: bool,
    /// How arguments are read that are not plain data.
    #[serde(default)]
    arguments: BTreeMap<String, WrittenArgument>,
    /// A JSON Schema of the arguments.
    schema: Option<Value>,
    /// An output, for `--examples`.
    example: Option<Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenEffect {
    Read,
    #[default]
    Write,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenArgument {
    Data,
    Text,
    Url,
    Command,
    Html,
    Fields,
    Headers,
    Secret,
    Secrets,
    Option,
}

impl WrittenArgument {
    const fn argument(self) -> Argument {
        match self {
            Self::Data => Argument::Data,
            Self::Text => Argument::Text,
            Self::Url => Argument::Url,
            Self::Command => Argument::Command,
            Self::Html => Argument::Html,
            Self::Fields => Argument::Fields,
            Self::Headers => Argument::Headers,
            Self::Secret => Argument::Secret,
            Self::Secrets => Argument::Secrets,
            Self::Option => Argument::Option,
        }
    }
}

/// An integration with the actions that a file says it has.
struct Declared {
    names: Vec<&'static str>,
    specs: BTreeMap<&'static str, ActionSpec>,
}

/// Reads a file: integrations by their names, of each its actions.
///
/// # Errors
/// Its mistakes, each with line and column.
fn read(bytes: &[u8]) -> Result<Vec<(String, Declared)>, Vec<String>> {
    let file: BTreeMap<String, BTreeMap<String, WrittenAction>> =
        parse::document(bytes, DECLARED_BYTES).map_err(|error| error.mistakes())?;
    let mut found = Vec::new();
    let all = file.values().map(|actions| actions.values().map(|one| 1 + one.arguments.len()).sum::<usize>());
    if all.sum::<usize>() > DECLARED_ACTIONS {
        return Err(vec![format!("more than {DECLARED_ACTIONS} actions and arguments")]);
    }
    for (name, actions) in &file {
        if OWN.contains(&name.as_str()) {
            found.push((name.clone(), "the program has an integration of this name".to_owned()));
        } else if let Err(error) = Name::new(name) {
            found.push((name.clone(), error.to_string()));
        }
        if actions.is_empty() {
            found.push((name.clone(), "an action is needed".to_owned()));
        }
        for (action, written) in actions {
            let place = format!("{name}.{action}");
            if let Err(error) = Name::new(action) {
                found.push((place.clone(), error.to_string()));
            }
            if let Some(Err(error)) = written.schema.as_ref().map(|schema| check_schema(&Json::from(schema)))
            {
                found.push((format!("{place}.schema"), error.to_string()));
            }
        }
    }
    if !found.is_empty() {
        return Err(placed(bytes, found));
    }
    Ok(file.into_iter().map(|(name, actions)| (name, Declared::of(actions))).collect())
}

/// A text as declarations have them: they are there as long as the program is, as those that are compiled in.
fn lasting(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl Declared {
    fn of(actions: BTreeMap<String, WrittenAction>) -> Self {
        let specs = actions.into_iter().map(|(name, written)| {
            let arguments = written.arguments.into_iter();
            let arguments: Vec<_> =
                arguments.map(|(name, argument)| (lasting(name), argument.argument())).collect();
            let spec = ActionSpec {
                schema: written.schema.as_ref().map(Json::from),
                arguments: Box::leak(arguments.into_boxed_slice()),
                takes_secrets: written.secrets,
                effect: match written.effect {
                    WrittenEffect::Read => Effect::Read,
                    WrittenEffect::Write => Effect::Write,
                },
                is_idempotent: written.idempotent,
                example: written.example.as_ref().map(Json::from),
                ..ActionSpec::default()
            };
            (lasting(name), spec)
        });
        let specs: BTreeMap<&'static str, ActionSpec> = specs.collect();
        Self { names: specs.keys().copied().collect(), specs }
    }
}

impl Integration for Declared {
    fn actions(&self) -> &[&str] {
        &self.names
    }

    fn spec(&self, action: &str) -> ActionSpec {
        self.specs.get(action).cloned().unwrap_or_default()
    }

    fn call(&self, _call: Call) -> Answer<'_> {
        let message = "missing here: the integration, which is only declared";
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::NotConfigured, message))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_declares_is_what_playbooks_are_checked_against() {
        let text = "edr:\n  isolate: {secrets: true, arguments: {command: command}, example: {job: 7}}\n  look: {effect: read}\n";
        let Ok(read) = read(text.as_bytes()) else { panic!("it can be read") };
        let [(name, edr)] = &read[..] else { panic!("one integration") };
        assert_eq!((name.as_str(), edr.actions()), ("edr", &["isolate", "look"][..]));
        let isolate = edr.spec("isolate");
        assert_eq!(isolate.argument("command"), Argument::Command);
        assert_eq!((isolate.takes_secrets, isolate.effect), (true, Effect::Write));
        assert_eq!(isolate.example.unwrap().as_str(), r#"{"job":7}"#);
        assert_eq!(edr.spec("look").effect, Effect::Read);
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        let told = |text: &str| match read(text.as_bytes()) {
            Ok(_) => panic!("{text} is taken"),
            Err(mistakes) => mistakes.join("\n"),
        };
        let own = "a: {x: {}}\nhttp: {request: {}}\n";
        assert_eq!(told(own), "line 2, column 7, http: the program has an integration of this name");
        let misspelt = told("a:\n  x: {efect: read}\n");
        assert!(misspelt.starts_with("line 2, column 7, a.x.efect: "), "{misspelt}");
        let schema = told("a:\n  x: {schema: {type: 7}}\n");
        assert!(schema.starts_with("line 2, column"), "{schema}");
        assert!(told("a: {}\n").contains("an action is needed"));
    }
}
