//! The items of a text of JSON that is too large to be held: those of an array, or the lines of JSON lines. Owns where one
//! ends, byte by byte; reads no file, and holds one item at a time.

use updraft_protocol::limits::FILE_ITEM_BYTES;

/// How items stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemForm {
    /// As those of one array.
    Array,
    /// Each on a line of its own.
    Lines,
}

/// Splits a text, which comes in pieces.
#[derive(Debug)]
pub struct ItemSplitter {
    form: ItemForm,
    state: State,
    item: Vec<u8>,
    /// Brackets that are open in the item.
    depth: u32,
    /// Bytes that were read.
    read: u64,
}

/// Where an array is being read; lines are items between their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before its bracket.
    Outside,
    /// Where an item, or the end, may come.
    First,
    /// Where an item has to come.
    Next,
    /// In an item, outside of texts.
    Item,
    Text,
    /// In a text, after a backslash.
    Escape,
    /// After its end.
    Over,
}

/// The text is not of its form, or has an item that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// It is not of the form.
    #[error("it is neither one JSON array nor JSON lines")]
    Form,
    /// An item that is too large.
    #[error("an item has more than {FILE_ITEM_BYTES} bytes")]
    TooLarge,
}

impl SplitError {
    /// Whether the same text can be split another time: never.
    pub fn retryable(self) -> bool {
        false
    }
}

impl ItemForm {
    /// The form of a text that begins so; `None` while only blanks have come. Of what a tool declares as lines, each is an item,
    /// also where it begins with a bracket.
    pub fn of(beginning: &[u8], are_lines: bool) -> Option<Self> {
        let first = beginning.iter().find(|byte| !is_blank(**byte))?;
        Some(if *first == b'[' && !are_lines { Self::Array } else { Self::Lines })
    }
}

impl ItemSplitter {
    /// A splitter at the beginning of a text.
    pub fn new(form: ItemForm) -> Self {
        Self { form, state: State::Outside, item: Vec::new(), depth: 0, read: 0 }
    }

    /// A splitter after the item that ended at this place, which [`place`](Self::place) gave.
    pub fn after(form: ItemForm, place: u64) -> Self {
        let state = if place == 0 { State::Outside } else { State::Next };
        Self { state, read: place, ..Self::new(form) }
    }

    /// The bytes that were read so far.
    pub fn place(&self) -> u64 {
        self.read
    }

    /// Reads up to the end of the next item, and takes what was read from `bytes`; `None` if all was read before.
    ///
    /// # Errors
    /// The text is not of its form, or the item is too large.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, SplitError> {
        while let Some((byte, rest)) = bytes.split_first() {
            *bytes = rest;
            self.read += 1;
            let is_whole = match self.form {
                ItemForm::Array => self.array(*byte)?,
                ItemForm::Lines => self.line(*byte)?,
            };
            if is_whole {
                return Ok(Some(std::mem::take(&mut self.item)));
            }
        }
        Ok(None)
    }

    /// The item at the end of the text, which nothing ends.
    ///
    /// # Errors
    /// The array has no end.
    pub fn end(mut self) -> Result<Option<Vec<u8>>, SplitError> {
        match self.form {
            ItemForm::Lines => Ok(Some(std::mem::take(&mut self.item)).filter(|item| has_content(item))),
            ItemForm::Array if self.state == State::Over => Ok(None),
            ItemForm::Array => Err(SplitError::Form),
        }
    }

    fn line(&mut self, byte: u8) -> Result<bool, SplitError> {
        if byte != b'\n' {
            self.keep(byte)?;
            return Ok(false);
        }
        let is_item = has_content(&self.item);
        if !is_item {
            self.item.clear();
        }
        Ok(is_item)
    }

    fn array(&mut self, byte: u8) -> Result<bool, SplitError> {
        match (self.state, byte) {
            (State::Text, b'"') => self.state = State::Item,
            (State::Text, b'\\') => self.state = State::Escape,
            (State::Text, _) => {}
            (State::Escape, _) => self.state = State::Text,
            (State::Outside | State::First | State::Next | State::Over, byte) if is_blank(byte) => {
                return Ok(false);
            }
            (State::Outside, b'[') => {
                self.state = State::First;
                return Ok(false);
            }
            (State::First, b']') => {
                self.state = State::Over;
                return Ok(false);
            }
            (State::Item, b',') if self.depth == 0 => {
                self.state = State::Next;
                return Ok(true);
            }
            (State::Item, b']') if self.depth == 0 => {
                self.state = State::Over;
                return Ok(true);
            }
            (State::Outside | State::Over, _) | (State::First | State::Next, b',' | b']') => {
                return Err(SplitError::Form);
            }
            (State::First | State::Next | State::Item, byte) => {
                self.state = if byte == b'"' { State::Text } else { State::Item };
                match byte {
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' => self.depth = self.depth.checked_sub(1).ok_or(SplitError::Form)?,
                    _ => {}
                }
            }
        }
        self.keep(byte)?;
        Ok(false)
    }

    fn keep(&mut self, byte: u8) -> Result<(), SplitError> {
        if self.item.len() >= FILE_ITEM_BYTES {
            return Err(SplitError::TooLarge);
        }
        self.item.push(byte);
        Ok(())
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn has_content(item: &[u8]) -> bool {
    item.iter().any(|byte| !is_blank(*byte))
}

#[cfg(test)]
mod tests;
