//! `plant`: writes the copy of the kernel and of its models in which bugs can be planted: `plant ROOT COPY`. Owns the
//! two folders; `.ci/loom` builds the copy and runs its canaries.

mod copy;
mod patch;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let written = match words.as_slice() {
        [root, copy] => copy::write(Path::new(root), Path::new(copy)),
        _ => Err(io::Error::other("usage: plant ROOT COPY")),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
