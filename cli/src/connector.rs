//! `updraft connector`: connectors checked, listed, and called by hand; and how all commands read those that they are given.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value as Tree};
use updraft::connectors::{ConnectorIntegration, Connectors, ConnectorsBuilder, ShownRequest, changes};
use updraft::integrations::http::HttpBuilder;
use updraft::{Effect, Integration, ManualCall, Name, TenantCode, Value};

use crate::data;
use crate::exit::{Ending, Error};
use crate::network;
use crate::options::{
    CallConnector, CheckConnector, ConnectorCommand, ConnectorOptions, Grants, ListConnectors,
};
use crate::output::Output;
use crate::text::clean;

/// How long a call by hand may take, unless its action says more.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Does what is asked.
pub(crate) async fn connector(command: &ConnectorCommand) -> Result<Ending, Error> {
    match command {
        ConnectorCommand::Check(options) => check(options).await,
        ConnectorCommand::List(options) => list(options),
        ConnectorCommand::Call(options) => call(options).await,
    }
}

/// Reads the connectors of the directories that are named.
pub(crate) fn read(options: &ConnectorOptions, http: HttpBuilder) -> Result<Connectors, Error> {
    let mut connectors = Connectors::builder(http);
    for directory in &options.connectors {
        connectors = connectors.directory(directory).map_err(|error| refused(&error))?;
    }
    built(connectors, options)
}

fn built(mut connectors: ConnectorsBuilder, options: &ConnectorOptions) -> Result<Connectors, Error> {
    for constant in &options.connector_constant {
        let value = Value::String(constant.value.clone());
        connectors = connectors
            .constant(&constant.connector, &constant.name, &value)
            .map_err(|error| Error::refused("--connector-constant", error))?;
    }
    connectors.build().map_err(|error| refused(&error))
}

fn refused(error: &updraft::connectors::Error) -> Error {
    Error::Refused(error.mistakes().join("\n"))
}

async fn check(options: &CheckConnector) -> Result<Ending, Error> {
    let (mut output, mut ending) = (Output::stdout(), Ending::Completed);
    for path in &options.files {
        let file = path.display();
        let read = Connectors::builder(http(&options.grants)?).file(path);
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                error.mistakes().iter().for_each(|mistake| output.line(clean(mistake)));
                ending = Ending::Refused;
                continue;
            }
        };
        let connectors = built(read, &options.grants.connectors)?;
        for one in connectors.newest() {
            let connector = one.connector();
            let actions = connector.actions().count();
            let (name, version) = (connector.name(), connector.version());
            output.line(clean(&format!("{file}: ok: {name} version {version}, {actions} actions")));
            if options.live {
                ending = ending.and(live(one, &connectors, options, &mut output).await?);
            }
        }
    }
    output.finish().map(|()| ending)
}

/// Calls what has been recorded, and tells what has changed.
async fn live(
    one: &ConnectorIntegration,
    connectors: &Connectors,
    options: &CheckConnector,
    output: &mut Output,
) -> Result<Ending, Error> {
    let tools = data::tools_with(connectors, &options.grants)?;
    let (mut ending, name) = (Ending::Completed, one.connector().name());
    if let Some(health) = one.connector().health() {
        let call = manual(&options.tenant, name, &health.action, health.arguments.clone())?;
        match tools.manual_call(call).await {
            Ok(_) => output.line(clean(&format!("{name}: the vendor answers"))),
            Err(failure) => {
                output.line(clean(&format!("{name}: the vendor does not answer as it should: {failure}")));
                ending = Ending::Failed;
            }
        }
    }
    for (action, contract) in one.connector().contracts() {
        let call = manual(&options.tenant, name, action, contract.arguments.clone())?;
        let found = match tools.manual_call(call).await {
            Ok(now) => changes(&contract.output, &now.value()),
            Err(failure) => {
                output.line(clean(&format!("{name}.{action}: failed: {failure}")));
                ending = ending.and(Ending::Failed);
                continue;
            }
        };
        if found.is_empty() {
            output.line(clean(&format!("{name}.{action}: as it was recorded")));
        } else {
            ending = ending.and(Ending::Failed);
        }
        found.iter().for_each(|change| output.line(clean(&format!("{name}.{action}: {change}"))));
    }
    Ok(ending)
}

/// An action, as `list` tells it.
#[derive(Serialize)]
struct ListedAction {
    name: &'static str,
    description: Option<String>,
    effect: &'static str,
    secrets: Vec<String>,
}

/// A connector, as `list` tells it.
#[derive(Serialize)]
struct Listed {
    name: String,
    version: u32,
    description: Option<String>,
    actions: Vec<ListedAction>,
}

fn list(options: &ListConnectors) -> Result<Ending, Error> {
    let connectors = read(&options.connectors, HttpBuilder::default())?;
    let mut output = Output::stdout();
    let listed: Vec<Listed> = connectors.all().iter().map(listed).collect();
    if options.json {
        output.json(&listed);
        return output.finish().map(|()| Ending::Completed);
    }
    for one in &listed {
        let about = one.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
        output.line(clean(&format!("{} version {}{about}", one.name, one.version)));
        for action in &one.actions {
            let about = action.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            output.line(clean(&format!("  {}.{} ({}){about}", one.name, action.name, action.effect)));
        }
    }
    output.finish().map(|()| Ending::Completed)
}

fn listed(one: &ConnectorIntegration) -> Listed {
    let connector = one.connector();
    let actions = connector.actions().map(|(name, description)| {
        let spec = one.spec(name);
        ListedAction {
            name,
            description: description.map(str::to_owned),
            effect: if spec.effect == Effect::Read { "read" } else { "write" },
            secrets: spec.secrets.iter().map(ToString::to_string).collect(),
        }
    });
    Listed {
        name: connector.name().to_string(),
        version: connector.version(),
        description: connector.description().map(str::to_owned),
        actions: actions.collect(),
    }
}

async fn call(options: &CallConnector) -> Result<Ending, Error> {
    let connectors = read(&options.grants.connectors, http(&options.grants)?)?;
    let (name, action) = (&options.action.connector, options.action.action.as_str());
    let Some(one) = connectors.get(name.as_str()) else {
        let known: Vec<String> = connectors.newest().map(|one| one.connector().name().to_string()).collect();
        let known = if known.is_empty() {
            "none; `--connectors DIR` names some".to_owned()
        } else {
            known.join(", ")
        };
        return Err(Error::Refused(format!("no connector `{name}`; there are {known}")));
    };
    let arguments = options.arguments.iter().map(|given| (given.name.clone(), given.value.clone()));
    let arguments = Value::Object(arguments.collect());
    let request = one
        .request(&options.tenant, action, arguments.clone())
        .map_err(|failure| Error::Refused(failure.message))?;
    let mut output = Output::stdout();
    if !options.json {
        shown(&request).iter().for_each(|line| output.line(clean(line)));
    }
    if options.show {
        if options.json {
            output.json(&request.arguments);
        }
        return output.finish().map(|()| Ending::Completed);
    }
    let call = manual(&options.tenant, name, action, arguments)?;
    match data::tools_with(&connectors, &options.grants)?.manual_call(call).await {
        Ok(answer) => output.json(&answer.value()),
        Err(failure) => {
            output.finish()?;
            let answer = failure.answer.as_ref().map(|answer| format!("\n{}", answer.as_str()));
            return Err(Error::Failed(format!("{name}.{action}: {failure}{}", answer.unwrap_or_default())));
        }
    }
    output.finish().map(|()| Ending::Completed)
}

fn manual(tenant: &TenantCode, name: &Name, action: &str, arguments: Value) -> Result<ManualCall, Error> {
    let action = Name::new(action).map_err(|error| Error::Refused(error.to_string()))?;
    Ok(ManualCall { tenant: tenant.clone(), integration: name.clone(), action, arguments, timeout: TIMEOUT })
}

/// A request as people read it: its line, then each part that it has.
fn shown(request: &ShownRequest) -> Vec<String> {
    let tree: Tree = request.arguments.clone().try_into().unwrap_or_default();
    let fields = tree.as_object().cloned().unwrap_or_else(Map::new);
    let text = |name: &str| fields.get(name).and_then(Tree::as_str).unwrap_or_default();
    let method = if text("method").is_empty() { "GET" } else { text("method") };
    let mut lines = vec![format!("{method} {}", text("url"))];
    let parts = fields.iter().filter(|(name, _)| !["method", "url", "effect"].contains(&name.as_str()));
    for (name, value) in parts {
        match value {
            Tree::Object(inner) if name == "headers" || name == "query" => {
                lines.extend(inner.iter().map(|(field, value)| format!("  {name}: {field}: {value}")));
            }
            value => lines.push(format!("  {name}: {value}")),
        }
    }
    lines
}

/// How HTTP reaches hosts, by what is granted.
fn http(grants: &Grants) -> Result<HttpBuilder, Error> {
    let nowhere = std::path::Path::new("");
    data::http(&network::allowed(&grants.allow_net, nowhere)?, grants)
}
