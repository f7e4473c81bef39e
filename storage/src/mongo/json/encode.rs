//! JSON text to the bytes of a BSON element, in one pass and without recursion. Gives up, rather than change a
//! value, where BSON has no exact form for it.

use std::ops::Range;

use updraft_protocol::Number;
use updraft_protocol::limits::{MONGO_VALUE_BYTES, MONGO_VALUE_NESTING};

use super::element;

/// An object or array whose elements are being written.
struct Open {
    /// Where its length belongs.
    length_at: usize,
    inside: Inside,
}

enum Inside {
    /// The keys of an object stand in [`Encoder::keys`] from here.
    Object { keys_from: usize },
    /// The index of an array's next element.
    Array { next: u32 },
}

struct Encoder<'t, 'b> {
    text: &'t str,
    /// How far the text is read.
    at: usize,
    out: &'b mut Vec<u8>,
    /// Where the type of the next value belongs.
    type_at: usize,
    open: Vec<Open>,
    /// The keys of the open objects, as places in `out`: one that comes twice has no exact form.
    keys: Vec<Range<usize>>,
}

/// Appends `key: text` as an element; none where BSON cannot keep it, and then `out` has a part of it.
pub(super) fn append(out: &mut Vec<u8>, key: &str, text: &str) -> Option<()> {
    let start = out.len();
    let mut encoder = Encoder { text, at: 0, out, type_at: start, open: Vec::new(), keys: Vec::new() };
    encoder.out.push(element::NULL);
    encoder.out.extend_from_slice(key.as_bytes());
    encoder.out.push(0);
    loop {
        let more = encoder.value()? || encoder.next()?;
        if encoder.out.len() - start > MONGO_VALUE_BYTES {
            return None;
        }
        if !more {
            break;
        }
    }
    (encoder.at == text.len()).then_some(())
}

impl Encoder<'_, '_> {
    /// Writes a scalar, or opens what holds others. Whether another value is to follow at once.
    fn value(&mut self) -> Option<bool> {
        match self.peek()? {
            b'{' => return self.open(element::DOCUMENT),
            b'[' => return self.open(element::ARRAY),
            b'"' => {
                self.out[self.type_at] = element::STRING;
                let length_at = self.placeholder();
                self.string()?;
                self.out.push(0);
                self.length(length_at, 4)?;
            }
            b't' => self.word("true", element::BOOLEAN, &[1])?,
            b'f' => self.word("false", element::BOOLEAN, &[0])?,
            b'n' => self.word("null", element::NULL, &[])?,
            _ => self.number()?,
        }
        Some(false)
    }

    /// Goes on after a value: closes what ends here. Whether there is another value.
    fn next(&mut self) -> Option<bool> {
        loop {
            self.blanks();
            let Some(open) = self.open.last() else { return Some(false) };
            let end = match open.inside {
                Inside::Object { .. } => b'}',
                Inside::Array { .. } => b']',
            };
            match self.take()? {
                b',' => {
                    self.key()?;
                    return Some(true);
                }
                byte if byte == end => self.close()?,
                _ => return None,
            }
        }
    }

    fn open(&mut self, kind: u8) -> Option<bool> {
        if self.open.len() == MONGO_VALUE_NESTING {
            return None;
        }
        self.out[self.type_at] = kind;
        self.at += 1;
        let (inside, end) = match kind {
            element::DOCUMENT => (Inside::Object { keys_from: self.keys.len() }, b'}'),
            _ => (Inside::Array { next: 0 }, b']'),
        };
        let length_at = self.placeholder();
        self.open.push(Open { length_at, inside });
        if self.peek()? == end {
            self.at += 1;
            self.close()?;
            return Some(false);
        }
        self.key()?;
        Some(true)
    }

    fn close(&mut self) -> Option<()> {
        let open = self.open.pop()?;
        self.out.push(0);
        self.length(open.length_at, 0)?;
        if let Inside::Object { keys_from } = open.inside {
            let out = &*self.out;
            let keys = &mut self.keys[keys_from..];
            keys.sort_unstable_by_key(|key| &out[key.clone()]);
            if keys.windows(2).any(|pair| out[pair[0].clone()] == out[pair[1].clone()]) {
                return None;
            }
            self.keys.truncate(keys_from);
        }
        Some(())
    }

    /// Begins the next element of what is open: its type, to be told later, and its key.
    fn key(&mut self) -> Option<()> {
        self.type_at = self.out.len();
        self.out.push(element::NULL);
        match &mut self.open.last_mut()?.inside {
            Inside::Array { next } => {
                let index = *next;
                *next += 1;
                decimal(self.out, index);
            }
            Inside::Object { .. } => {
                let start = self.out.len();
                if self.peek()? != b'"' {
                    return None;
                }
                self.string()?;
                if self.out[start..].contains(&0) || self.peek()? != b':' {
                    return None;
                }
                self.at += 1;
                self.keys.push(start..self.out.len());
            }
        }
        self.out.push(0);
        Some(())
    }

    fn word(&mut self, word: &str, kind: u8, value: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then_some(())?;
        self.at += word.len();
        self.out[self.type_at] = kind;
        self.out.extend_from_slice(value);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let text = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
        self.at += text.len();
        // serde_json reads `-0` as a float, and no integer has that value.
        if text == "-0" || text.contains(['.', 'e', 'E']) {
            self.out[self.type_at] = element::DOUBLE;
            self.out.extend_from_slice(&exact(text)?.to_le_bytes());
            return Some(());
        }
        let value: i64 = text.parse().ok()?;
        if let Ok(value) = i32::try_from(value) {
            self.out[self.type_at] = element::INT32;
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            self.out[self.type_at] = element::INT64;
            self.out.extend_from_slice(&value.to_le_bytes());
        }
        Some(())
    }

    /// Copies a string, its escapes resolved.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.out.extend_from_slice(&rest[..plain]);
            self.at += plain + 1;
            if rest[plain] == b'"' {
                return Some(());
            }
            let character = self.escape()?;
            self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.take()? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    // Half of a pair on its own is no character: `from_u32` refuses it.
                    return char::from_u32(first);
                }
                (self.take()? == b'\\' && self.take()? == b'u').then_some(())?;
                let second = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second);
            }
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn placeholder(&mut self) -> usize {
        let at = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        at
    }

    /// Tells the length of what follows `at`, but for `without` bytes of it.
    fn length(&mut self, at: usize, without: usize) -> Option<()> {
        let length = i32::try_from(self.out.len() - at - without).ok()?;
        self.out[at..at + 4].copy_from_slice(&length.to_le_bytes());
        Some(())
    }

    fn blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().position(|byte| !blank(byte)).unwrap_or(rest.len());
    }

    /// The next byte that is no blank; it is not taken.
    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        byte
    }
}

/// The double whose shortest text is the same decimal number.
fn exact(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    if serde_json::to_string(&value).ok()? == text {
        Some(value)
    } else {
        Number::parse(text)?.as_exact_f64()
    }
}

fn decimal(out: &mut Vec<u8>, number: u32) {
    let mut digits = [0; 10];
    let (mut at, mut left) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
