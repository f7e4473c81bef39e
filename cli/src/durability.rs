//! What the program's options call a durability, both ways. Decides nothing.

use updraft::Durability;

/// How a durability is written; none for what is taken where none is named.
pub(crate) fn name(durability: Durability) -> Option<&'static str> {
    match durability {
        Durability::Fsync => None,
        Durability::Os => Some("os"),
    }
}

/// The durability that an option names.
pub(crate) fn parse(text: &str) -> Result<Durability, String> {
    match text {
        "fsync" => Ok(Durability::Fsync),
        "os" => Ok(Durability::Os),
        _ => Err("it is `fsync` or `os`".to_owned()),
    }
}
