//! YAML to nodes: the parser's events. Owns tags, anchors and aliases; the limits are the builder's.

mod words;

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::mistake::Mistake;
use super::node::{Builder, Kind, Node};
use super::scalar;
use crate::limits::VALUE_NESTING;
use crate::text::place;

/// The tree of the one document in `text`.
///
/// # Errors
/// The first mistake.
pub(super) fn read(text: &str) -> Result<Rc<Node>, Mistake> {
    // The parser takes NUL for the end of the text, and other control characters for letters.
    if let Some((at, control)) =
        text.char_indices().find(|(_, c)| *c < ' ' && !matches!(c, '\t' | '\n' | '\r'))
    {
        let code = u32::from(control);
        return Err(Mistake::new(
            at,
            format!("a control character; write it as `\\x{code:02x}` in double quotes"),
        ));
    }
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    options.flow_nesting_limit = VALUE_NESTING + 1;
    options.block_nesting_limit = VALUE_NESTING + 1;
    let mut reading = YamlReader {
        text,
        builder: Builder::default(),
        anchors: BTreeMap::new(),
        open: vec![],
        ended: false,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::Scalar(_, ScalarStyle::Plain, anchor, tag), span))
                if offset(&span.end) <= offset(&span.start) =>
            {
                // The parser gives `~` for a missing value.
                let tag = tag.as_deref();
                reading.scalar(offset(&span.start), String::new(), ScalarStyle::Plain, anchor, tag)?;
            }
            Ok((event, span)) => reading.event(event, offset(&span.start))?,
            Err(error) => {
                let (at, words) = words::told(text, &error);
                return Err(reading.builder.mistake(at, words));
            }
        }
    }
    reading.builder.finish().ok_or_else(|| Mistake::new(0, "the file is empty"))
}

struct YamlReader<'t> {
    text: &'t str,
    builder: Builder,
    /// The node of each anchor, once it is complete.
    anchors: BTreeMap<usize, Rc<Node>>,
    /// The anchors of incomplete lists and maps; 0 for none.
    open: Vec<usize>,
    /// Whether the document has ended.
    ended: bool,
}

impl YamlReader<'_> {
    fn event(&mut self, event: Event<'_>, at: usize) -> Result<(), Mistake> {
        match event {
            Event::DocumentStart(_, version) => {
                if self.ended {
                    return Err(self
                        .builder
                        .mistake(at, "a second document begins; a file has one playbook"));
                }
                if version.is_some_and(|version| (version.major, version.minor) != (1, 2)) {
                    return Err(self
                        .builder
                        .mistake(at, "YAML is read as version 1.2 says; leave `%YAML` out"));
                }
            }
            Event::DocumentEnd => self.ended = true,
            Event::Scalar(text, style, anchor, tag) => {
                return self.scalar(at, text.into_owned(), style, anchor, tag.as_deref());
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.no_name(at)?;
                self.tag(at, tag.as_deref(), "seq")?;
                self.open.push(anchor);
                self.builder.list(at)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.no_name(at)?;
                self.tag(at, tag.as_deref(), "map")?;
                self.open.push(anchor);
                self.builder.map(at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = self.builder.end();
                let anchor = self.open.pop().unwrap_or_default();
                self.anchored(anchor, node);
            }
            Event::Alias(id) => {
                self.no_name(at)?;
                let Some(node) = self.anchors.get(&id) else {
                    return Err(self.builder.mistake(at, "the alias stands inside what it stands for"));
                };
                let node = Rc::clone(node);
                self.builder.alias(at, node)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        at: usize,
        text: String,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Mistake> {
        self.tag(at, tag, "str")?;
        let plain = style == ScalarStyle::Plain && tag.is_none();
        if self.builder.wants_name() {
            if anchor != 0 {
                return Err(self.builder.mistake(at, "an anchor names a value, not the name of a field"));
            }
            let name = if plain {
                scalar::name(&text).map_err(|words| self.builder.mistake(at, words))?
            } else {
                text
            };
            let source = self.text;
            return self.builder.name(at, name, |first| {
                let (line, column) = place(source, first);
                format!("line {line}, column {column}")
            });
        }
        let kind = if plain {
            scalar::plain(&text).map_err(|words| self.builder.mistake(at, words))?
        } else {
            Kind::Text(text)
        };
        let node = self.builder.scalar(at, kind);
        self.anchored(anchor, Some(node));
        Ok(())
    }

    fn anchored(&mut self, anchor: usize, node: Option<Rc<Node>>) {
        if let Some(node) = node.filter(|_| anchor != 0) {
            self.anchors.insert(anchor, node);
        }
    }

    /// Refuses lists, maps and aliases as the name of a field.
    fn no_name(&self, at: usize) -> Result<(), Mistake> {
        if !self.builder.wants_name() {
            return Ok(());
        }
        let around = self.text.split_at_checked(at);
        if around.is_some_and(|(before, rest)| before.ends_with('{') && rest.starts_with('{')) {
            return Err(self.builder.mistake(at - 1, words::TEMPLATE));
        }
        Err(self.builder.mistake(at, "the name of a field is needed: a text"))
    }

    /// Refuses every tag except the one that the value has anyway.
    fn tag(&self, at: usize, tag: Option<&Tag>, own: &str) -> Result<(), Mistake> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema_tag(own) => {
                Err(self.builder.mistake(at, "tags are not read; leave it out, and write a text in quotes"))
            }
            _ => Ok(()),
        }
    }
}

fn offset(marker: &Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}
