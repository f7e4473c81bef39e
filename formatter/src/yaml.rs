//! YAML: from a text over its tree to its layout, and the proof that both say the same.

mod block_text;
mod flow;
mod lines;
mod print;
mod proof;
mod read;
mod tree;

use crate::Error;

/// The text in its layout.
///
/// # Errors
/// The place that cannot be laid out, or from which on the layout is not proven.
pub(crate) fn format(text: &str, most: usize) -> Result<String, Error> {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let tree = read::tree(&unix)?;
    let laid_out = print::print(&tree, most)?;
    proof::same(&unix, &laid_out)?;
    let again = read::tree(&laid_out)?;
    proof::same_comments(&tree, &again)?;
    if print::print(&again, most)? != laid_out {
        return Err(Error::Unproven { line: 1 });
    }
    Ok(laid_out)
}
