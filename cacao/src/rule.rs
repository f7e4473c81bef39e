//! The rules of the standard that are looked at, each with what becomes of it. Owns the names that findings and
//! `docs/cacao.md` have.

use std::fmt;

/// What becomes of what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// It is done as the standard says.
    Supported,
    /// It is taken, and something is said of it.
    Warned,
    /// A playbook with it is refused.
    Refused,
}

impl Support {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Warned => "warned",
            Self::Refused => "refused",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal $support:ident,)+) => {
        /// A rule of the standard, or of its translation. Each is a line of `docs/cacao.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[$doc])* $rule,)+ }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$(Self::$rule),+];

            /// Its name: `pointer-to-nothing`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name),+ }
            }

            /// What becomes of what it is about.
            pub const fn support(self) -> Support {
                match self { $(Self::$rule => Support::$support),+ }
            }
        }
    };
}

rules! {
    // The file.
    /// It is larger than a playbook may be.
    FileSize = "file-size" Refused,
    /// It is no text, or no JSON.
    Json = "json" Refused,
    /// A property stands twice in an object.
    DoubleProperty = "double-property" Refused,
    /// It is something else than a playbook of CACAO 2.0.
    NotCacao = "not-cacao" Refused,

    // The structure.
    /// A property that must be there is not.
    MissingProperty = "missing-property" Refused,
    /// A property has a value of another type.
    PropertyType = "property-type" Refused,
    /// A property has a value that is none of those which it may have.
    PropertyValue = "property-value" Refused,
    /// A list or a map has too few entries.
    EmptyList = "empty-list" Refused,
    /// A list or a map has more entries than are read.
    TooMany = "too-many" Refused,
    /// The type of an object is not the one that its id says.
    ObjectType = "object-type" Refused,
    /// A text is no id.
    Identifier = "identifier" Refused,
    /// An id has another form than the standard says.
    IdentifierForm = "identifier-form" Warned,
    /// A text is no instant.
    Timestamp = "timestamp" Refused,
    /// An instant has not three decimals.
    TimestampPrecision = "timestamp-precision" Warned,
    /// A word is not in the list of the standard, which is open.
    OpenVocabulary = "open-vocabulary" Warned,
    /// A property is not of the standard.
    UnknownProperty = "unknown-property" Warned,

    // What the playbook says of itself.
    /// It is revoked.
    Revoked = "revoked" Refused,
    /// Its version is no number of a version.
    VersionNumber = "version-number" Refused,
    /// It was changed before it was made.
    ModifiedOrder = "modified-order" Warned,
    /// From when until when it counts.
    Validity = "validity" Supported,
    /// It ends to count before it begins.
    ValidityOrder = "validity-order" Warned,
    /// It is signed.
    SignatureUnverified = "signature-unverified" Warned,
    /// What it says that it has is not what it has.
    ProcessingSummary = "processing-summary" Warned,
    /// Name, description, labels and the like.
    Metadata = "metadata" Supported,

    // The workflow.
    /// The first step is no start.
    StartStep = "start-step" Refused,
    /// A pointer names a step that is not there.
    PointerToNothing = "pointer-to-nothing" Refused,
    /// Pointers that exclude each other.
    PointerCombination = "pointer-combination" Refused,
    /// Nothing follows a step that is no end.
    PointerMissing = "pointer-missing" Refused,
    /// Something follows an end.
    PointerOfEnd = "pointer-of-end" Refused,
    /// A start has other pointers than `on_completion`.
    PointerOfStart = "pointer-of-start" Refused,
    /// A pointer leads back.
    Cycle = "cycle" Refused,
    /// No way leads to a step.
    UnreachableStep = "unreachable-step" Warned,

    /// A condition is no comparison expression of STIX patterns, or compares what has no type in common.
    Condition = "condition" Refused,
    /// What a switch compares is no reference to a variable.
    SwitchVariable = "switch-variable" Refused,

    // Definitions.
    /// An agent is not defined.
    AgentUndefined = "agent-undefined" Refused,
    /// A target is not defined.
    TargetUndefined = "target-undefined" Refused,
    /// An authentication is not defined.
    AuthenticationUndefined = "authentication-undefined" Refused,
    /// A marking is not defined.
    MarkingUndefined = "marking-undefined" Refused,
    /// A marking has another id than that under which it stands.
    MarkingId = "marking-id" Warned,
    /// A marking is revoked.
    MarkingRevoked = "marking-revoked" Warned,
    /// A marking is a policy for the exchange of information.
    MarkingPolicy = "marking-policy" Warned,
    /// Markings are levels of the Traffic Light Protocol, or statements.
    Markings = "markings" Supported,
    /// A value of an address is not of its kind.
    AddressValue = "address-value" Refused,
    /// A port is no number of a port.
    Port = "port" Refused,
    /// An extension is used.
    Extension = "extension" Warned,
    /// An extension is used and not defined.
    ExtensionUndefined = "extension-undefined" Warned,

    // Commands.
    /// A command has not exactly one of its texts.
    CommandText = "command-text" Refused,
    /// A text is no base64, or no text once it is decoded.
    Base64 = "base64" Refused,
    /// A request has no first line.
    HttpStartLine = "http-start-line" Refused,
    /// The first line of a request is not written as HTTP has it.
    HttpStartLineForm = "http-start-line-form" Warned,
    /// A request has two contents.
    HttpContent = "http-content" Refused,
    /// A header is none.
    HttpHeader = "http-header" Refused,
    /// A command of OpenC2 has no content in base64, or another one.
    OpenC2Content = "openc2-content" Refused,
    /// A command of OpenC2 is not sent by POST.
    OpenC2Method = "openc2-method" Refused,

    // Variables.
    /// A text is no name of a variable.
    VariableName = "variable-name" Refused,
    /// A value is not of the type of its variable.
    VariableValue = "variable-value" Refused,
    /// An argument is declared nowhere.
    VariableUndeclared = "variable-undeclared" Refused,
    /// A variable of a step has the name of one of the playbook.
    VariableHidden = "variable-hidden" Warned,
    /// An argument is written as a reference.
    ArgumentForm = "argument-form" Warned,
    /// A constant is written.
    ConstantWritten = "constant-written" Refused,
    /// A constant has no value.
    ConstantUnknown = "constant-unknown" Warned,
    /// A variable of a step is external.
    ExternalOfStep = "external-of-step" Warned,

    // What only the translation can tell.
    /// A case of a `switch` is no value of the variable's type.
    SwitchCase = "switch-case" Refused,
    /// A step is in two bodies in a way that cannot be run.
    SharedStep = "shared-step" Refused,
    /// Bodies are nested too deep.
    Nesting = "nesting" Refused,
    /// A delay or a timeout is longer than any step waits.
    TimeLimit = "time-limit" Refused,
    /// A variable is named where its value is meant.
    VariableWithoutValue = "variable-without-value" Refused,
    /// A step writes what it cannot write.
    OutArgs = "out-args" Refused,
    /// Two branches of a `parallel` write the same variable.
    ParallelWrites = "parallel-writes" Warned,
    /// A command connects, and its target or agent has no address.
    CommandWithoutAddress = "command-without-address" Refused,
    /// An address has several values of one kind.
    AddressSeveral = "address-several-values" Refused,
    /// An address has no kind that can be connected to.
    AddressKind = "address-kind" Refused,
    /// An address or a port is none.
    AddressForm = "address-form" Refused,
    /// An address has a variable that a step writes.
    AddressByStep = "address-by-step" Refused,
    /// An agent is of a type that the standard does not name.
    AgentType = "agent-type" Warned,
    /// An agent or a target has a credential that what is called does not get.
    AgentCredential = "agent-credential" Warned,
    /// A command of the shell where Updraft runs is for another machine.
    BashElsewhere = "bash-elsewhere" Refused,
    /// The target of a request is no path.
    HttpTarget = "http-target" Refused,
    /// The target of a request is for another machine than the address.
    UrlConflict = "url-conflict" Refused,
    /// The method of a request is not sent.
    HttpMethod = "http-method" Refused,
    /// The content of a request is not of its type, or has variables where values could become structure.
    Content = "content" Refused,
    /// The type of a command is no name of an integration.
    CommandType = "command-type" Refused,
    /// A call cannot authenticate in this way.
    Authentication = "authentication" Refused,
    /// A variable that is a credential is used elsewhere.
    SecretVariable = "secret-variable" Refused,
    /// A credential stands in the file.
    LiteralSecret = "literal-secret" Warned,
    /// A value stands in a shell command where a shell would read it as more than one word.
    ShellValue = "shell-value" Refused,
    /// The translation is larger than a playbook may be, or is none.
    Translation = "translation" Refused,
    /// Something that a step needs is not registered, allowed or given in the engine that is to run it.
    NotHere = "not-here" Refused,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
