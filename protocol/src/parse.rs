//! Text to playbook: JSON or YAML, with the place of the first mistake. Checks shape only; the graph is
//! the plan's to check.

use std::fmt;

use thiserror::Error;

use crate::limits::{PLAYBOOK_BYTES, PLAYBOOK_UNFOLDED_BYTES, PLAYBOOK_UNFOLDED_VALUES};
use crate::playbook::{FORMAT, Playbook};

/// Why a text is no playbook.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is larger than a playbook may be.
    #[error("the playbook has {bytes} bytes; at most {PLAYBOOK_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The text is not UTF-8.
    #[error("not UTF-8 after byte {valid}")]
    NotUtf8 {
        /// How many bytes are fine.
        valid: usize,
    },
    /// The text is not JSON or YAML, or not of a playbook's shape.
    #[error("{place}: {message}")]
    Shape {
        /// Where.
        place: Place,
        /// What.
        message: String,
    },
    /// The playbook is of a format that this version of Updraft does not read.
    #[error("format: {found} is not known; this version reads format {FORMAT}")]
    Format {
        /// The format that it names.
        found: u32,
    },
}

impl Error {
    /// Whether trying again can help: never, the text stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// Where in a text; lines and columns from 1, 0 where unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
    /// The path of fields, where it is known: `steps[3].retry`.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.path.is_empty() && self.path != "." {
            write!(f, ", {}", self.path)?;
        }
        Ok(())
    }
}

impl Playbook {
    /// Reads a playbook from bytes: JSON where the first character is `{`, YAML otherwise.
    ///
    /// # Errors
    /// The first mistake with its line and column.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        if text.len() > PLAYBOOK_BYTES {
            return Err(Error::TooLarge { bytes: text.len() });
        }
        let text =
            std::str::from_utf8(text).map_err(|error| Error::NotUtf8 { valid: error.valid_up_to() })?;
        let playbook = if text.trim_start().starts_with('{') { from_json(text)? } else { from_yaml(text)? };
        if playbook.format != FORMAT {
            return Err(Error::Format { found: playbook.format });
        }
        Ok(playbook)
    }
}

fn from_json(text: &str) -> Result<Playbook, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let playbook = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        json_shape(path, error.inner())
    })?;
    deserializer.end().map_err(|error| json_shape(String::new(), &error))?;
    Ok(playbook)
}

fn json_shape(path: String, error: &serde_json::Error) -> Error {
    let place = Place { line: error.line() as u64, column: error.column() as u64, path: short(&path) };
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    Error::Shape { place, message: short(message.strip_suffix(&suffix).unwrap_or(&message)) }
}

/// A text for a person: what an author wrote comes back in messages, and may be as long as a playbook.
fn short(text: &str) -> String {
    const BYTES: usize = 512;
    match text.char_indices().map(|(at, _)| at).take_while(|at| *at <= BYTES).last() {
        Some(end) if text.len() > BYTES => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

fn from_yaml(text: &str) -> Result<Playbook, Error> {
    let budget = serde_saphyr::budget! { max_total_scalar_bytes: PLAYBOOK_UNFOLDED_BYTES, max_documents: 1 };
    let mut options = serde_saphyr::options! { budget: budget };
    options.alias_limits.max_total_replayed_events = PLAYBOOK_UNFOLDED_VALUES;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // Without one it is about the text as a whole, which begins at its first character.
        let location = error.location();
        let place = Place {
            line: location.map_or(1, |l| l.line()),
            column: location.map_or(1, |l| l.column()),
            path: String::new(),
        };
        let message = error.without_snippet().to_string();
        Error::Shape { place, message: short(message.lines().next().unwrap_or("not YAML")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::StepKind;

    const YAML: &str = "format: 1\nname: a\nversion: 1\nsteps:\n  - id: one\n    type: action\n    integration: http\n    action: request\n    timeout: 5s\n";

    #[test]
    fn yaml_and_json_give_the_same_playbook() {
        let yaml = Playbook::parse(YAML.as_bytes()).unwrap();
        let json = Playbook::parse(&serde_json::to_vec(&yaml).unwrap()).unwrap();
        assert_eq!(yaml, json);
        assert!(matches!(&yaml.steps[0].kind, StepKind::Action(a) if a.integration.as_str() == "http"));
    }

    #[test]
    fn a_mistake_has_its_line_and_column() {
        let error = Playbook::parse(YAML.replace("5s", "soon").as_bytes()).unwrap_err();
        let Error::Shape { place, message } = error else { panic!("{error}") };
        assert_eq!((place.line, place.column), (9, 14), "{message}");
        assert!(message.contains("`soon` is not a duration"), "{message}");

        let json = "{\"format\": 1,\n \"name\": 5}";
        let Error::Shape { place, .. } = Playbook::parse(json.as_bytes()).unwrap_err() else {
            panic!("shape")
        };
        assert_eq!((place.line, place.path.as_str()), (2, "name"));
    }

    #[test]
    fn what_an_author_wrote_at_length_is_cut_where_it_comes_back() {
        let json = format!("{{\"format\": 1, \"{}\": 1}}", "ä".repeat(100_000));
        let yaml = YAML.replace("5s", &"x".repeat(100_000));
        for text in [json, yaml] {
            let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("line ") && error.len() < 2_000, "{}", error.len());
        }
    }

    #[test]
    fn a_field_of_another_kind_of_step_is_refused() {
        let text = YAML.replace("timeout: 5s", "condition: 1 == 1");
        let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("type `action` has no field `condition`"), "{error}");
    }

    #[test]
    fn an_unknown_format_a_huge_text_and_bytes_are_refused() {
        let newer = YAML.replace("format: 1", "format: 2");
        assert_eq!(Playbook::parse(newer.as_bytes()), Err(Error::Format { found: 2 }));
        let huge = vec![b' '; PLAYBOOK_BYTES + 1];
        assert_eq!(Playbook::parse(&huge), Err(Error::TooLarge { bytes: PLAYBOOK_BYTES + 1 }));
        assert_eq!(Playbook::parse(b"name: \xff"), Err(Error::NotUtf8 { valid: 6 }));
    }

    #[test]
    fn aliases_stand_for_a_bounded_number_of_values_and_bytes() {
        let with = |variables: String| YAML.replace("steps:", &format!("variables: {{{variables}}}\nsteps:"));
        let few = with(format!("a: &a [{}], b: [{}]", "x, ".repeat(50), "*a, ".repeat(90)));
        assert_eq!(Playbook::parse(few.as_bytes()).unwrap().variables["b"][89][49], "x");
        let values = with(format!("a: &a [{}], b: [{}]", "x, ".repeat(200), "*a, ".repeat(90)));
        let bytes = with(format!("a: &a {}, b: [{}]", "x".repeat(100_000), "*a, ".repeat(90)));
        for (text, reason) in [(values, "alias replay limit"), (bytes, "budget breached")] {
            let error = Playbook::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", ")));
        }
        assert!(Playbook::parse(bomb.as_bytes()).is_err());
    }
}
