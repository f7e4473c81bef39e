//! Commands of an action step. Owns the types of the standard, and what each has besides the common properties.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::{ExternalReference, StartLine};

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub struct CacaoCommand {
    /// What it is.
    pub kind: CommandKind,
    /// For people.
    pub description: Option<String>,
    /// The version of its type.
    pub version: Option<String>,
    /// What it is for.
    pub playbook_activity: Option<String>,
    /// What is written elsewhere.
    pub external_references: Vec<ExternalReference>,
}

/// What a command is.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandKind {
    /// What a person does.
    Manual(Script),
    /// A command of a shell.
    Bash(Script),
    /// What Caldera does.
    CalderaCmd(Script),
    /// A query of Elastic.
    Elastic(Script),
    /// A request.
    HttpApi(HttpCommand),
    /// A notebook.
    Jupyter(Script),
    /// A hunt of Kestrel.
    Kestrel(Script),
    /// A request with a command of OpenC2.
    OpenC2Http(HttpCommand),
    /// A command of PowerShell.
    Powershell(Script),
    /// A rule of Sigma.
    Sigma(Script),
    /// A command by SSH.
    Ssh(Script),
    /// A rule of YARA.
    Yara(Script),
    /// A type that the standard does not name.
    Other {
        /// The word for the type.
        word: String,
        /// Its text, where it has `command` or `command_b64`.
        script: Option<Script>,
        /// The properties that it has besides these and the common ones.
        properties: BTreeMap<String, Value>,
    },
}

impl CommandKind {
    /// The words for all types that the standard names.
    pub const WORDS: [&'static str; 12] = [
        "manual",
        "bash",
        "caldera-cmd",
        "elastic",
        "http-api",
        "jupyter",
        "kestrel",
        "openc2-http",
        "powershell",
        "sigma",
        "ssh",
        "yara",
    ];

    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::Manual(_) => "manual",
            Self::Bash(_) => "bash",
            Self::CalderaCmd(_) => "caldera-cmd",
            Self::Elastic(_) => "elastic",
            Self::HttpApi(_) => "http-api",
            Self::Jupyter(_) => "jupyter",
            Self::Kestrel(_) => "kestrel",
            Self::OpenC2Http(_) => "openc2-http",
            Self::Powershell(_) => "powershell",
            Self::Sigma(_) => "sigma",
            Self::Ssh(_) => "ssh",
            Self::Yara(_) => "yara",
            Self::Other { word, .. } => word,
        }
    }
}

/// The text of a command that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The text, decoded.
    pub text: String,
    /// Whether it stands in `command_b64` rather than in `command`.
    pub encoded: bool,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCommand {
    /// Method and target.
    pub start: StartLine,
    /// The headers, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// What is sent.
    pub content: Option<HttpContent>,
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpContent {
    /// `content`.
    Text(String),
    /// `content_b64`, decoded.
    Bytes(Vec<u8>),
}
