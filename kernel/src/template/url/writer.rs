//! The writer of a URL: encodes each value once, by its position in the text so far. The author's text is written as it
//! is; a value that would be more than one segment, or none, is refused.

use std::borrow::Cow;

use updraft_protocol::limits::HTTP_URL_BYTES;

use super::encode::{encode, encode_query};
use super::endpoint;
use super::spelling::{is_nothing, leads_elsewhere};
use super::structure::Asked;
use crate::meter::{Meter, Result, refuse};
use crate::template::one::text_of;
use crate::template::value::Operand;

/// How far a URL is written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    section: Section,
    /// Scheme, host, port, and the path of a variable that gives all of them.
    head: String,
    /// The current segment of the path, as far as it is written.
    segment: String,
    /// Whether it contains, or could have contained, anything but the author's own text.
    touched: bool,
    bytes: usize,
}

/// The next part of the URL.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Scheme, host and port.
    #[default]
    Head,
    /// Scheme, host, port and prefix were given by one variable.
    Base,
    Path,
    Query,
    Fragment,
}

impl Writer {
    /// The author's text, as it is written.
    pub(crate) fn literal<'a>(&mut self, text: &'a str) -> Result<&'a str> {
        let mut text = text;
        let mut body = text;
        match self.section {
            Section::Head => {
                self.head.push_str(text);
                let begin = self.head.find("://").map_or(self.head.len(), |at| at + 3);
                let length = self.head.get(begin..).and_then(|rest| rest.find(['/', '?', '#']));
                let Some(length) = length else { return self.grown(text) };
                let beyond = self.head.len() - begin - length;
                body = text.get(text.len() - beyond..).unwrap_or_default();
                self.head.truncate(begin + length);
                self.end_head()?;
            }
            Section::Base if text.is_empty() => return Ok(text),
            Section::Base => {
                // `https://tool.example/` before `/hosts` is written with one `/`.
                if self.head.ends_with('/') && text.starts_with('/') {
                    text = text.get(1..).unwrap_or_default();
                }
                self.section = Section::Path;
            }
            Section::Path | Section::Query | Section::Fragment => {}
        }
        self.follow(body)?;
        self.grown(text)
    }

    /// A value, as text without structure; `encoded` says that it is an output of `urlencode`.
    pub(crate) fn value(&mut self, meter: &Meter, value: &Operand, encoded: bool) -> Result<String> {
        let text = match self.section {
            Section::Head | Section::Base => self.place(meter, value)?,
            Section::Path => {
                let text = self.part(meter, value, encoded, "one segment of the path is needed")?;
                self.segment.push_str(&text);
                self.touched = true;
                text
            }
            Section::Query | Section::Fragment => self.part(meter, value, encoded, "one value is needed")?,
        };
        self.grown(&text)?;
        Ok(text)
    }

    /// A value that the author allows to be structure.
    pub(crate) fn structure(&mut self, meter: &Meter, asked: Asked, value: &Operand) -> Result<String> {
        let name = match asked {
            Asked::Path => "`path` needs a text",
            Asked::Query => "`query` needs a text",
            Asked::Words => return refuse("`spread` stands in a command, query or form"),
        };
        let text = self.read(meter, value, name)?;
        let mut written = String::with_capacity(text.len());
        match (asked, self.section) {
            (Asked::Path, Section::Path) => self.path(&text, &mut written)?,
            (Asked::Query, Section::Query) => encode_query(&mut written, &text),
            (Asked::Path, _) => return refuse("`path` stands in the path of a URL"),
            (Asked::Query, _) => return refuse("`query` stands after the `?` of a URL"),
            (Asked::Words, _) => {}
        }
        self.grown(&written)?;
        Ok(written)
    }

    /// A statement here may print or not.
    pub(crate) fn touch(&mut self) {
        self.touched |= self.section == Section::Path;
    }

    /// The URL ends here.
    pub(crate) fn end(&mut self) -> Result<()> {
        match self.section {
            Section::Head => self.end_head(),
            Section::Path => self.end_segment(),
            Section::Base | Section::Query | Section::Fragment => Ok(()),
        }
    }

    /// Scheme and host, or a part of the host; the check made sure that a variable gives it.
    fn place(&mut self, meter: &Meter, value: &Operand) -> Result<String> {
        let base = self.head.is_empty();
        let needed = if base { "a URL is needed" } else { "the name of a host, or a port, is needed" };
        let text = text_of(meter, value, needed)?.into_owned();
        if base {
            endpoint::base(&text).or_else(refuse)?;
            self.section = Section::Base;
        } else {
            endpoint::host(&text).or_else(refuse)?;
        }
        self.head.push_str(&text);
        Ok(text)
    }

    /// A value, encoded unless `urlencode` did it.
    fn part(&self, meter: &Meter, value: &Operand, encoded: bool, needed: &str) -> Result<String> {
        let text = self.read(meter, value, needed)?;
        if self.section == Section::Path && leads_elsewhere(&text) {
            return refuse(DOTS);
        }
        if encoded {
            return Ok(text.into_owned());
        }
        let mut written = String::with_capacity(text.len());
        encode(&mut written, &text);
        Ok(written)
    }

    /// The segments of a path, each encoded.
    fn path(&mut self, text: &str, written: &mut String) -> Result<()> {
        if leads_elsewhere(text) {
            return refuse(DOTS);
        }
        for (at, part) in text.split('/').enumerate() {
            if at > 0 {
                self.end_segment()?;
                written.push('/');
            }
            let start = written.len();
            encode(written, part);
            self.segment.push_str(written.get(start..).unwrap_or_default());
            self.touched = true;
        }
        Ok(())
    }

    /// The text of a value within the limit, charged for: it is read as other readers would read it, and encoded, three
    /// bytes for one.
    fn read<'v>(&self, meter: &Meter, value: &'v Operand, needed: &str) -> Result<Cow<'v, str>> {
        const READ_WORK: u64 = 64;
        let text = text_of(meter, value, needed)?;
        self.fits(&text)?;
        meter.work(READ_WORK * text.len() as u64)?;
        meter.make(16 * text.len())?;
        Ok(text)
    }

    /// Follows the author's text from section to section.
    fn follow(&mut self, text: &str) -> Result<()> {
        for c in text.chars() {
            match (self.section, c) {
                (Section::Path, '/') => self.end_segment()?,
                (Section::Path, '?') => {
                    self.end_segment()?;
                    self.section = Section::Query;
                }
                (Section::Path | Section::Query, '#') => {
                    if self.section == Section::Path {
                        self.end_segment()?;
                    }
                    self.section = Section::Fragment;
                }
                (Section::Path, c) => self.segment.push(c),
                _ => {}
            }
        }
        Ok(())
    }

    fn end_head(&mut self) -> Result<()> {
        self.section = Section::Path;
        endpoint::base(&self.head).or_else(refuse)
    }

    fn end_segment(&mut self) -> Result<()> {
        if self.touched && is_nothing(&self.segment) {
            return refuse("a segment of the path is empty: the path would lead elsewhere");
        }
        if leads_elsewhere(&self.segment) {
            return refuse("a segment of the path is `.` or `..`: the path would lead elsewhere");
        }
        self.segment.clear();
        self.touched = false;
        Ok(())
    }

    fn fits(&self, text: &str) -> Result<()> {
        let bytes = self.bytes + text.len();
        if bytes > HTTP_URL_BYTES {
            refuse(format!("at most {HTTP_URL_BYTES} bytes are allowed"))
        } else {
            Ok(())
        }
    }

    fn grown<'a>(&mut self, text: &'a str) -> Result<&'a str> {
        self.fits(text)?;
        self.bytes += text.len();
        Ok(text)
    }
}

const DOTS: &str =
    "a value in the path is, or has beside a `/` or `\\`, `.` or `..`: the path would lead elsewhere";
