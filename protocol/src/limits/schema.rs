//! The limits of the JSON Schemas in playbooks, whose authors are tenants.

/// Values of a JSON Schema in a playbook: keywords, names and items of lists are counted.
pub const SCHEMA_VALUES: usize = 2_000;
/// Patterns of a JSON Schema in a playbook: each takes up to [`SCHEMA_PATTERN_BYTES`].
pub const SCHEMA_PATTERNS: usize = 64;
/// The memory of one pattern of a JSON Schema.
pub const SCHEMA_PATTERN_BYTES: usize = 1 << 20;
/// Bytes of an input, times the alternatives of its schema, of which each may look at all of them: about a second of a
/// thread at the worst.
pub const SCHEMA_INPUT_BYTES: usize = 64 << 20;
/// The same of the outputs of an execution, which are checked on the thread of a shard: about as long as a template may
/// run.
pub const SCHEMA_OUTPUT_BYTES: usize = 1 << 20;
/// The bytes that are read for the mistakes in the shape of one playbook: it is read again for each of them.
pub const SHAPE_READ_BYTES: usize = 16 << 20;
