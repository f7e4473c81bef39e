//! Pictures of playbooks and of executions: as SVG, as PNG, and as text for a terminal. No IO, no clock; what is drawn of a
//! playbook is its steps and their ways, and never the arguments of a call.

mod authored;
mod detail;
mod diagram;
mod error;
mod executed;
mod layout;
mod outlined;
#[cfg(feature = "png")]
mod png;
mod scene;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

pub use diagram::Diagram;
pub use error::{Error, Hundredths};
#[cfg(feature = "png")]
pub use png::Png;
pub use svg::Colours;
pub use terminal::{Paint, Piece, Ruling};
