//! Options of pictures.

use std::path::PathBuf;

use clap::Args;
use updraft::TenantCode;

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct DrawGraph {
    /// The file of a playbook, or the id of an execution.
    #[arg(value_name = "FILE|PEID")]
    pub(crate) what: PathBuf,
    /// Where the picture goes: a file whose name ends in `.svg` or `.png`, or `-` for SVG on standard output. Without it, the
    /// picture is text on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Dark colours. Without it a PNG is light, and an SVG as its reader prefers.
    #[arg(long, requires = "output")]
    pub(crate) dark: bool,
    /// Light colours, also in an SVG.
    #[arg(long, requires = "output", conflicts_with = "dark")]
    pub(crate) light: bool,
    /// How large a PNG is: 2 unless said, or what can be drawn of a large picture.
    #[cfg(feature = "png")]
    #[arg(long, requires = "output", value_parser = scale)]
    pub(crate) scale: Option<f32>,
    /// Text of ASCII alone.
    #[arg(long, conflicts_with = "output")]
    pub(crate) ascii: bool,
    /// Of which customer the execution is.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[cfg(feature = "png")]
fn scale(text: &str) -> Result<f32, String> {
    let scale = text.parse().ok().filter(|scale| (0.1..=10.0).contains(scale));
    scale.ok_or_else(|| "a number from 0.1 to 10 is needed".to_owned())
}
