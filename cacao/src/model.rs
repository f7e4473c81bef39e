//! The model of a CACAO playbook: what the standard names, as types. Owns what a value of each type may be; knows neither
//! JSON nor what follows for an execution.

mod address;
mod agent_target;
mod authentication;
mod command;
mod id;
mod marking;
mod playbook;
mod secret_text;
mod signature;
mod start_line;
mod step;
mod time;
mod variable;
mod variable_type;

pub use address::{Address, AddressKind};
pub use agent_target::{AgentTarget, AgentTargetKind, Contact, NetworkMachine};
pub use authentication::{AuthenticationInfo, AuthenticationKind, ClientCredentials};
pub use command::{CacaoCommand, CommandKind, HttpCommand, HttpContent, Script};
pub use id::{CacaoId, NotAnId};
pub use marking::{DataMarking, MarkingKind};
pub use playbook::{CacaoPlaybook, ExtensionDefinition, ExternalReference};
pub use secret_text::SecretText;
pub use signature::Signature;
pub use start_line::{NotAStartLine, StartLine};
pub use step::{
    ActionStep, IfCondition, ParallelStep, PlaybookActionStep, SwitchCondition, WhileCondition, WorkflowStep,
    WorkflowStepKind,
};
pub use time::CacaoTime;
pub use variable::{Variable, VariableName};
pub use variable_type::VariableType;
