//! Why there is no picture. Owns the errors of this crate.

use thiserror::Error;
use updraft_protocol::limits::{GRAPH_PNG_PIXELS, GRAPH_STEPS, GRAPH_SVG_BYTES};

/// Why a picture cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The playbook has too many steps.
    #[error("{0} steps; a picture shows at most {GRAPH_STEPS}")]
    Steps(usize),
    /// The picture has too many bytes.
    #[error("the picture has more than {GRAPH_SVG_BYTES} bytes")]
    Bytes,
    /// The picture has too many pixels.
    #[error(
        "{width} × {height} pixels at this scale; at most {GRAPH_PNG_PIXELS} in all can be drawn, which is a scale of {fits}; an SVG has no such bound"
    )]
    Pixels {
        /// The width in pixels.
        width: u64,
        /// The height in pixels.
        height: u64,
        /// The largest scale that can be drawn, in hundredths.
        fits: Hundredths,
    },
    /// The picture cannot be drawn as pixels.
    #[error("the picture cannot be drawn: {0}")]
    Draw(String),
}

/// A number with two places behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hundredths(pub u32);

impl std::fmt::Display for Hundredths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Error {
    /// Whether the same request can succeed later.
    pub const fn retryable(&self) -> bool {
        false
    }
}
