//! The limits of the texts that filters of templates read as something else, with their reasons.

/// A domain: the most that names on the internet have, with the dot at their end.
pub const DOMAIN_BYTES: usize = 254;
/// A URL that a filter takes apart: servers and proxies refuse longer ones.
pub const TEMPLATE_URL_BYTES: usize = 8 << 10;
/// A text that filters read as a date, a span or a time zone: more than any of their forms has.
pub const DATE_BYTES: usize = 128;
/// A pattern by which dates are read and written.
pub const DATE_PATTERN_BYTES: usize = 128;
/// One indicator that is found in a text: the longest are URLs.
pub const INDICATOR_BYTES: usize = 2 << 10;
