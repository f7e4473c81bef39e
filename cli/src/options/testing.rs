//! Options of what runs without a network: dry runs, `updraft test` and `updraft replay`.

use std::path::PathBuf;

use clap::Args;
use updraft::{ExecutionId, TenantCode};

use super::which::Fit;
use super::{ConnectorOptions, Data, Variable};

/// A dry run, in place of a run.
#[derive(Debug, Args)]
pub(crate) struct DryRun {
    /// Calls nothing and stores nothing: tells every call that would be made, with its arguments. Goes as far as there are answers.
    #[arg(long, conflicts_with_all = ["key", "on_reuse"])]
    pub(crate) dry_run: bool,
    /// The answers of a dry run: what tools, people and senders of signals give.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub(crate) answers: Option<PathBuf>,
    /// Answers a dry run from what was stored of this execution, where `--answers` has none.
    #[arg(long, value_name = "PEID", requires = "dry_run")]
    pub(crate) answers_of: Option<ExecutionId>,
    /// Answers a dry run with the example that an action declares, where nothing else answers.
    #[arg(long, requires = "dry_run")]
    pub(crate) examples: bool,
    /// Declares integrations of a backend, which this program does not have: a file with their actions (docs/testing.md).
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub(crate) integrations: Option<PathBuf>,
    /// Lets a dry run make the calls that only read, where nothing else answers. What would change something is never called.
    #[arg(long, requires = "dry_run")]
    pub(crate) allow_reads: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Test files, or folders that have some (`*.test.yaml`); the current folder where none is named.
    #[arg(value_name = "FILE|DIR", conflicts_with = "record")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only the cases whose name, or whose file's name, has this text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Writes what became of the cases as JUnit XML, for CI.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Prints what became of the cases as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Makes a case of a past execution, in place of running any.
    #[arg(long, value_name = "PEID", requires = "playbook")]
    pub(crate) record: Option<ExecutionId>,
    /// The playbook of that execution.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub(crate) playbook: Option<PathBuf>,
    /// A playbook that a step of it runs. Repeatable.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub(crate) sub: Vec<PathBuf>,
    /// The new test file; standard output where none is named. One that is there is not replaced.
    #[arg(short, long, value_name = "FILE", requires = "record")]
    pub(crate) output: Option<PathBuf>,
    /// A place of the alert that is masked, such as `input.user.mail`, wherever its value stands. Repeatable.
    #[arg(long, value_name = "PLACE", requires = "record")]
    pub(crate) mask: Vec<String>,
    /// Leaves e-mail addresses and the names of people as they are, which are masked otherwise.
    #[arg(long, requires = "record")]
    pub(crate) keep_personal: bool,
    /// Declares integrations of a backend, which this program does not have: a file with their actions (docs/testing.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) integrations: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connectors: ConnectorOptions,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The executions.
    #[arg(value_name = "PEID", required_unless_present = "fits")]
    pub(crate) peids: Vec<ExecutionId>,
    /// In place of them, all that fit and have ended: `all`, `status=failed`, `playbook=NAME`, `since=24h`, `until=1h` (submitted so
    /// long ago). Repeatable; all has to fit.
    #[arg(long = "where", id = "fits", value_name = "FIELD=VALUE", conflicts_with = "peids")]
    pub(crate) fits: Vec<Fit>,
    /// The other version of the playbook.
    #[arg(long, value_name = "FILE")]
    pub(crate) playbook: PathBuf,
    /// A playbook that a step of it runs, and that runs too; what others did is taken from what was stored. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) sub: Vec<PathBuf>,
    /// Another value for a variable of the playbook. Repeatable.
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) var: Vec<Variable>,
    /// Takes all variables as the executions had them; else only those that say where to connect to, or have no value of their own.
    #[arg(long)]
    pub(crate) keep_variables: bool,
    /// Tells of each execution the calls that are new, that are gone, and that have other arguments.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Prints an array of the executions with what differs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Declares integrations of a backend, which this program does not have: a file with their actions (docs/testing.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) integrations: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connectors: ConnectorOptions,
    /// Of which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}
