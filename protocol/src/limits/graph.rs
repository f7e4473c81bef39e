//! The limits of pictures of playbooks, with their reasons.

/// Steps of a picture: as many as a playbook may have, with the few that are made for them.
pub const GRAPH_STEPS: usize = 4_000;
/// Characters of one text that a picture keeps for its tooltip: a description as people write it.
pub const GRAPH_TEXT_CHARS: usize = 400;
/// Steps that one call of the layout crate places: its time grows faster than their number. Paths between more are drawn by
/// the names of the steps that they lead to.
pub const GRAPH_LAYERED_STEPS: usize = 40;
/// Nested bodies that are drawn; deeper ones are told by their number of steps.
pub const GRAPH_DEPTH: usize = 24;
/// Bytes of a picture as SVG: what browsers still show at once.
pub const GRAPH_SVG_BYTES: usize = 16 << 20;
/// Pixels of a picture as PNG: 128 MiB while it is drawn.
pub const GRAPH_PNG_PIXELS: u64 = 32 << 20;
/// Columns of a picture in a terminal.
pub const GRAPH_TEXT_COLUMNS: usize = 400;
