//! Options of connectors: where they are read, and the commands that check and call them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use updraft::{Name, TenantCode, Value};

use super::Grants;

/// Where connectors are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConnectorOptions {
    /// A directory of connectors: integrations that are declared in files (`*.yaml`), each under its own name. Repeatable.
    #[arg(long, env = "UPDRAFT_CONNECTORS", value_name = "DIR")]
    pub(crate) connectors: Vec<PathBuf>,
    /// Another value of a connector's constant, such as the address of your own server:
    /// `--connector-constant jira.site=https://acme.atlassian.net`. Repeatable.
    #[arg(long, value_name = "CONNECTOR.NAME=VALUE")]
    pub(crate) connector_constant: Vec<ConnectorConstant>,
}

/// A value for a constant of a connector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectorConstant {
    pub(crate) connector: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl fmt::Display for ConnectorConstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.connector, self.name, self.value)
    }
}

impl FromStr for ConnectorConstant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "`CONNECTOR.NAME=VALUE` is needed".to_owned();
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let (connector, name) = name.rsplit_once('.').ok_or_else(form)?;
        Ok(Self { connector: connector.to_owned(), name: name.to_owned(), value: value.to_owned() })
    }
}

/// What is done with connectors.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Checks files of connectors and tells every mistake with its place; with `--live`, also what has changed in the vendor's
    /// answers since they were recorded.
    Check(Box<CheckConnector>),
    /// Lists connectors with their actions.
    List(ListConnectors),
    /// Makes one call by hand: shows its request, with the names of secrets in their places, and the answer.
    Call(Box<CallConnector>),
}

#[derive(Debug, Args)]
pub(crate) struct CheckConnector {
    /// The files.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Calls each action that has a `contract`, and compares the names and types of its answer with those that were recorded.
    #[arg(long)]
    pub(crate) live: bool,
    /// For which customer, whose secrets are used.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) grants: Grants,
}

#[derive(Debug, Args)]
pub(crate) struct ListConnectors {
    /// Prints one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connectors: ConnectorOptions,
}

#[derive(Debug, Args)]
pub(crate) struct CallConnector {
    /// The action: `virustotal.file`.
    #[arg(value_name = "CONNECTOR.ACTION")]
    pub(crate) action: CalledAction,
    /// An argument: `--arg ip=192.0.2.1`; JSON where it is JSON (`--arg limit=5`), else a text. Repeatable.
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    pub(crate) arguments: Vec<GivenArgument>,
    /// Shows the request and makes none.
    #[arg(long)]
    pub(crate) show: bool,
    /// Prints the answer alone, as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// For which customer, whose secrets are used.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) grants: Grants,
}

/// An action of a connector.
#[derive(Debug, Clone)]
pub(crate) struct CalledAction {
    pub(crate) connector: Name,
    pub(crate) action: Name,
}

impl FromStr for CalledAction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (connector, action) =
            text.split_once('.').ok_or_else(|| "`CONNECTOR.ACTION` is needed".to_owned())?;
        let name = |text: &str| Name::new(text).map_err(|error| error.to_string());
        Ok(Self { connector: name(connector)?, action: name(action)? })
    }
}

/// A value for an argument.
#[derive(Debug, Clone)]
pub(crate) struct GivenArgument {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl FromStr for GivenArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| "`NAME=VALUE` is needed".to_owned())?;
        let value = Value::parse(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self { name: name.to_owned(), value })
    }
}
