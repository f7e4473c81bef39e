//! Options of the layout of playbooks and test cases.

use std::path::PathBuf;

use clap::Args;

/// How it ends, for the help.
pub(super) const HELP: &str = "\
Exit codes:
  0    all files are in their layout
  1    --check: not all are
  2    a file cannot be read, or has no layout: it stays as it is, and all others are laid out";

#[derive(Debug, Args)]
pub(crate) struct FormatFiles {
    /// Playbooks (YAML, JSON, CACAO) and test cases; or folders, of which the test cases and what can be read as a playbook is
    /// meant; or `-` for standard input, whose layout goes to standard output.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Writes nothing: names the files that are not in their layout, and exits 1 where there are any.
    #[arg(long)]
    pub(crate) check: bool,
}
