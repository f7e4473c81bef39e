//! The limits of the outlines of large JSON texts, with their reasons.

/// A text that has an outline: a shorter one is passed over in a few microseconds.
pub const OUTLINE_TEXT_BYTES: usize = 16 << 10;
/// A value that the outline of its text knows: so a text of 1 MiB has a thousand of them on each level, and what is between
/// them is passed over in less than a microsecond.
pub const OUTLINE_VALUE_BYTES: usize = 1 << 10;
/// Outlines, with their texts, that an execution keeps: the steps of a loop read its input and one or two outputs.
pub const OUTLINES: usize = 4;
