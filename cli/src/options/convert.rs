//! Options of what makes a playbook of one in another form.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub(crate) form: ImportForm,
}

/// The form of what is imported.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportForm {
    /// A playbook of CACAO 2.0, the standard of OASIS: docs/cacao.md says what becomes of each of its rules.
    Cacao(CacaoFile),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(subcommand)]
    pub(crate) form: ExportForm,
}

/// The form of what is exported.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportForm {
    /// A playbook of CACAO 2.0; what cannot be said there is told on standard error.
    Cacao(NativeFile),
}

#[derive(Debug, Args)]
pub(crate) struct NativeFile {
    /// The playbook, YAML or JSON.
    pub(crate) file: PathBuf,
    /// Where the CACAO playbook is written, in place of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CacaoFile {
    /// The file.
    pub(crate) file: PathBuf,
    /// Where the playbook is written, in place of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Writes the credentials that stand in the file into this directory, one file each, for `--secrets DIR`.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets_to: Option<PathBuf>,
}
