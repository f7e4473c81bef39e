//! Agents and targets: who executes commands, and what they act on. Both are the same types in the standard.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::{Address, CacaoId};

/// An agent or a target.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentTarget {
    /// What it is.
    pub kind: AgentTargetKind,
    /// Its name, for people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where it is.
    pub location: Option<Value>,
    /// What extensions say of it, by their id.
    pub extensions: BTreeMap<CacaoId, Value>,
}

/// What an agent or a target is.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentTargetKind {
    /// A group of people.
    Group(Contact),
    /// A person.
    Individual(Contact),
    /// An organization.
    Organization(Contact),
    /// A place, with logical names.
    Location(Vec<String>),
    /// An industry sector.
    Sector(String),
    /// Kinds of security tools.
    SecurityCategory(Vec<String>),
    /// A machine with an HTTP interface.
    HttpApi(NetworkMachine),
    /// A machine with Linux.
    Linux(NetworkMachine),
    /// A machine with an address.
    NetAddress(NetworkMachine),
    /// A machine that is reached by SSH.
    Ssh(NetworkMachine),
    /// A type that the standard does not name, with the properties that it has besides the common ones.
    Other {
        /// The word for the type.
        word: String,
        /// Its properties.
        properties: BTreeMap<String, Value>,
    },
}

impl AgentTargetKind {
    /// The words for all types that the standard names.
    pub const WORDS: [&'static str; 10] = [
        "group",
        "individual",
        "location",
        "organization",
        "sector",
        "http-api",
        "linux",
        "net-address",
        "security-category",
        "ssh",
    ];

    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::Group(_) => "group",
            Self::Individual(_) => "individual",
            Self::Organization(_) => "organization",
            Self::Location(_) => "location",
            Self::Sector(_) => "sector",
            Self::SecurityCategory(_) => "security-category",
            Self::HttpApi(_) => "http-api",
            Self::Linux(_) => "linux",
            Self::NetAddress(_) => "net-address",
            Self::Ssh(_) => "ssh",
            Self::Other { word, .. } => word,
        }
    }

    /// The machine, if it is one that has an address.
    pub fn machine(&self) -> Option<&NetworkMachine> {
        match self {
            Self::HttpApi(machine)
            | Self::Linux(machine)
            | Self::NetAddress(machine)
            | Self::Ssh(machine) => Some(machine),
            _ => None,
        }
    }
}

/// A machine on a network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkMachine {
    /// Where it is.
    pub address: Address,
    /// Its port: a number, or a reference to a variable.
    pub port: Option<String>,
    /// How to authenticate to it.
    pub authentication: Option<CacaoId>,
    /// Kinds of security tools that it is.
    pub category: Vec<String>,
}

/// How people are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Addresses of email, by what they are for.
    pub email: BTreeMap<String, String>,
    /// Numbers of telephones, by what they are for.
    pub phone: BTreeMap<String, String>,
    /// Anything else.
    pub details: Option<String>,
}
