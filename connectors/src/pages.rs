//! Pages: an answer that comes in parts, taken as one list. Owns which page is next, and when there are enough; asks for none.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use updraft_kernel::template::Template;
use updraft_protocol::limits::{
    CONNECTOR_ITEMS, CONNECTOR_ITEMS_BYTES, CONNECTOR_ITEMS_MAX, CONNECTOR_PAGES, CONNECTOR_PAGES_MAX,
};
use updraft_protocol::{Failure, FailureKind, Json, Value};

use crate::answer::ToolAnswer;
use crate::data::{CallData, FILE, ITEMS, MORE, PAGE};
use crate::file::{WrittenPages, WrittenWay};
use crate::origin;
use crate::read::Reading;

/// How the pages of an action are asked for.
#[derive(Debug)]
pub(crate) struct Pages {
    way: WrittenWay,
    items: Template,
    next: Option<Template>,
    first: u64,
    size: Option<usize>,
    pages: u32,
    at_most: usize,
    /// Whether all items go to a file of the execution.
    pub(crate) into_file: bool,
}

/// The pages of one call, as far as they have come.
pub(crate) struct PagesOf<'p> {
    pages: &'p Pages,
    items: Vec<Box<RawValue>>,
    bytes: usize,
    /// The items that were taken.
    count: usize,
    /// Pages that have come.
    come: u32,
    number: u64,
    offset: u64,
    cursor: Value,
    /// Cursors and links that have been followed.
    seen: BTreeSet<String>,
    more: bool,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// All items are there, or as many as are taken.
    Nothing,
    /// The same request, with the next number, offset or cursor.
    Request,
    /// The request of this URL.
    Url(String),
}

impl Pages {
    /// Compiles what a file says at `place`; texts may read these names of an answer.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &WrittenPages,
        names: &[&str],
    ) -> Option<Self> {
        let items = reading.value(&format!("{place}.items"), &Value::String(written.items.clone()), names);
        let needs_next = matches!(written.by, WrittenWay::Cursor | WrittenWay::Url);
        let at = format!("{place}.next");
        let next = match &written.next {
            Some(_) if !needs_next => {
                reading.mistake(at, "only `by: cursor` and `by: url` have it");
                return None;
            }
            None if needs_next => {
                reading.mistake(place, "`next` is needed: the cursor, or the URL, of the next page");
                return None;
            }
            Some(text) => Some(reading.value(&at, &Value::String(text.clone()), names)?),
            None => None,
        };
        let pages = written.pages.unwrap_or(CONNECTOR_PAGES);
        let at_most = written.at_most.map_or(CONNECTOR_ITEMS, |items| items as usize);
        let bounds = [
            ("pages", u64::from(pages), u64::from(CONNECTOR_PAGES_MAX)),
            ("at_most", at_most as u64, CONNECTOR_ITEMS_MAX as u64),
            ("size", u64::from(written.size.unwrap_or(1)), u64::from(u32::MAX)),
        ];
        for (name, value, most) in bounds {
            if !(1..=most).contains(&value) {
                reading.mistake(format!("{place}.{name}"), format!("must be from 1 to {most}"));
            }
        }
        Some(Self {
            way: written.by,
            items: items?,
            next,
            first: written.first.map_or(1, u64::from),
            size: written.size.map(|size| size as usize),
            pages,
            at_most,
            into_file: written.into.is_some(),
        })
    }

    /// Whether requests read which page they are for.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.way, WrittenWay::Cursor | WrittenWay::Page | WrittenWay::Offset)
    }

    /// The field of `page` that requests have to read.
    pub(crate) fn field(&self) -> &'static str {
        match self.way {
            WrittenWay::Cursor => "cursor",
            WrittenWay::Offset => "offset",
            _ => "number",
        }
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        [&self.items].into_iter().chain(&self.next)
    }

    /// None has come yet.
    pub(crate) fn begin(&self) -> PagesOf<'_> {
        PagesOf {
            pages: self,
            items: Vec::new(),
            bytes: 2,
            count: 0,
            come: 0,
            number: self.first,
            offset: 0,
            cursor: Value::Null,
            seen: BTreeSet::new(),
            more: false,
        }
    }
}

impl PagesOf<'_> {
    /// Lets the next request read which page it is for.
    pub(crate) fn shown_in(&self, data: &mut CallData) {
        let number = |number: u64| Value::from(serde_json::Value::from(number));
        let page = [
            ("cursor".to_owned(), self.cursor.clone()),
            ("number".to_owned(), number(self.number)),
            ("offset".to_owned(), number(self.offset)),
        ];
        data.set(PAGE, Json::from(Value::Object(page.into())));
    }

    /// Takes the items of a page that texts can read, and says what comes after it; `url` is that of the first request.
    ///
    /// # Errors
    /// It has no list of items, its cursor came before, or its link leads elsewhere.
    pub(crate) fn take(&mut self, answer: &ToolAnswer, data: &CallData, url: &str) -> Result<After, Failure> {
        self.come += 1;
        let (items, _) = self.pages.items.render_json_metered(data);
        let items = items.map_err(|failure| invalid(failure.message))?;
        let items: Option<Vec<Box<RawValue>>> =
            serde_json::from_str(items.as_str()).map_err(|_| invalid("the items of a page are no list"))?;
        let items = items.unwrap_or_default();
        let count = items.len();
        for item in items {
            let bytes = self.bytes + item.get().len() + 1;
            let is_too_much = !self.pages.into_file && bytes > CONNECTOR_ITEMS_BYTES;
            if self.count >= self.pages.at_most || is_too_much {
                self.more = true;
                return Ok(After::Nothing);
            }
            (self.bytes, self.count) = (bytes, self.count + 1);
            self.items.push(item);
        }
        let after = self.after(answer, data, count, url)?;
        if after != After::Nothing && (self.come >= self.pages.pages || self.count >= self.pages.at_most) {
            self.more = true;
            return Ok(After::Nothing);
        }
        Ok(after)
    }

    fn after(
        &mut self,
        answer: &ToolAnswer,
        data: &CallData,
        count: usize,
        url: &str,
    ) -> Result<After, Failure> {
        match self.pages.way {
            WrittenWay::Cursor => {
                let Some(cursor) = self.next(data)? else { return Ok(After::Nothing) };
                self.once(cursor.to_string())?;
                self.cursor = cursor;
                Ok(After::Request)
            }
            WrittenWay::Url => match self.next(data)? {
                None => Ok(After::Nothing),
                Some(Value::String(link)) => self.follow(&link, url),
                Some(_) => Err(invalid("the link to the next page is no text")),
            },
            WrittenWay::Link => match answer.header("link").and_then(|link| origin::linked(&link, "next")) {
                None => Ok(After::Nothing),
                Some(link) => self.follow(&link, url),
            },
            WrittenWay::Page | WrittenWay::Offset => {
                self.number += 1;
                self.offset += count as u64;
                let is_last = self.pages.size.map_or(count == 0, |size| count < size);
                Ok(if is_last { After::Nothing } else { After::Request })
            }
        }
    }

    /// What leads to the next page; nothing where it is `null`, empty or `false`.
    fn next(&self, data: &CallData) -> Result<Option<Value>, Failure> {
        let Some(next) = &self.pages.next else { return Ok(None) };
        match next.render(data).map_err(|failure| invalid(failure.message))? {
            Value::Null | Value::Bool(false) => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            value @ (Value::String(_) | Value::Number(_)) => Ok(Some(value)),
            _ => Err(invalid("what leads to the next page is neither a text nor a number")),
        }
    }

    fn follow(&mut self, link: &str, url: &str) -> Result<After, Failure> {
        let next = origin::next(link, url)?;
        self.once(next.clone())?;
        Ok(After::Url(next))
    }

    /// A page that leads to one before it would never end.
    fn once(&mut self, next: String) -> Result<(), Failure> {
        match self.seen.insert(next) {
            true => Ok(()),
            false => Err(invalid("a page leads to one that has come before")),
        }
    }

    /// The items that have come since they were last asked for.
    pub(crate) fn drain(&mut self) -> Vec<Box<RawValue>> {
        std::mem::take(&mut self.items)
    }

    /// Lets texts read the file that has all items, and whether there are more.
    pub(crate) fn end_in(self, file: Json, data: &mut CallData) -> bool {
        data.set(FILE, file);
        data.set(MORE, Json::from(serde_json::Value::Bool(self.more)));
        self.more
    }

    /// Lets texts read all items, and whether there are more.
    pub(crate) fn end(self, data: &mut CallData) -> Result<(Json, bool), Failure> {
        let list = serde_json::to_string(&self.items).map_err(|error| invalid(error.to_string()))?;
        let list = Json::parse(&list).map_err(|error| invalid(error.to_string()))?;
        data.set(ITEMS, list.clone());
        data.set(MORE, Json::from(serde_json::Value::Bool(self.more)));
        Ok((list, self.more))
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidResponse, message)
}
