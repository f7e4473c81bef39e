//! Filters that write a text in another code, read such a code, or reduce a text to a hash.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use sha2::Digest;

use super::{flag, text, text_argument};
use crate::meter::{Meter, Result, refuse};
use crate::template::value::Operand;

/// The cost of a byte that is written in, or read from, base64 or hexadecimal digits.
const CODE_WORK: u64 = 16;
/// The cost of a hash, and of each byte that it reads.
const HASH_WORK: u64 = 4_000;
const HASH_WORK_EACH: u64 = 24;
/// The digits of a hash.
const HASH_BYTES: usize = 512;

/// Padding is taken, and is not needed: tokens and command lines leave it out.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// `|base64`, and `|base64(url=true)` in the alphabet of URLs, without padding.
pub(in crate::template) fn base64(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let text = text("base64", value)?;
    meter.work(CODE_WORK * text.len() as u64)?;
    meter.make(2 * text.len() + 8)?;
    let engine = if flag(args, 0) { &general_purpose::URL_SAFE_NO_PAD } else { &general_purpose::STANDARD };
    Operand::text(meter, &engine.encode(text))
}

/// `|base64_decode` of either alphabet, with or without padding and line breaks; `|base64_decode('utf-16le')` of what a
/// command line of PowerShell has.
pub(in crate::template) fn base64_decode(
    meter: &Meter,
    value: &Operand,
    args: &[Operand],
) -> Result<Operand> {
    let text = text("base64_decode", value)?;
    meter.work(CODE_WORK * text.len() as u64)?;
    // The digits without blanks, and the bytes.
    meter.make(2 * text.len() + 16)?;
    let mut digits = Vec::with_capacity(text.len());
    digits.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let engine = if digits.iter().any(|byte| matches!(byte, b'-' | b'_')) { &FOR_URLS } else { &STANDARD };
    let Ok(bytes) = engine.decode(digits) else { return refuse("`base64_decode` needs a text in base64") };
    decoded(meter, "base64_decode", bytes, text_argument("base64_decode", args, 0)?)
}

/// `|hex`: the bytes of a text, two digits each.
pub(in crate::template) fn hex(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = text("hex", value)?;
    meter.work(CODE_WORK * text.len() as u64)?;
    meter.make(2 * text.len())?;
    Operand::text(meter, &digits(text.as_bytes()))
}

/// `|hex_decode`, also of bytes that colons or blanks part.
pub(in crate::template) fn hex_decode(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<Operand> {
    let text = text("hex_decode", value)?;
    meter.work(2 * CODE_WORK * text.len() as u64)?;
    meter.make(2 * text.len())?;
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b':') {
        let Some(digit) = (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
            return refuse("`hex_decode` needs hexadecimal digits");
        };
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => bytes.push(high | digit),
        }
    }
    if high.is_some() {
        return refuse("`hex_decode` needs two digits for each byte");
    }
    decoded(meter, "hex_decode", bytes, text_argument("hex_decode", args, 0)?)
}

/// The text of bytes: a value holds no others.
fn decoded(meter: &Meter, filter: &'static str, bytes: Vec<u8>, charset: Option<&str>) -> Result<Operand> {
    meter.work(CODE_WORK * bytes.len() as u64)?;
    let text = match charset.unwrap_or("utf-8") {
        "utf-8" => String::from_utf8(bytes).ok(),
        "utf-16le" => {
            meter.make(4 * bytes.len())?;
            let (units, rest) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
            if rest.is_empty() {
                char::decode_utf16(units).collect::<std::result::Result<_, _>>().ok()
            } else {
                None
            }
        }
        _ => return refuse(format!("`{filter}` reads `utf-8` or `utf-16le`")),
    };
    match text {
        Some(text) => Operand::text(meter, &text),
        None => refuse(format!("`{filter}` gives bytes that are no text of {}", charset.unwrap_or("utf-8"))),
    }
}

pub(in crate::template) fn md5(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    hash::<md5::Md5>(meter, "md5", value)
}

pub(in crate::template) fn sha1(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    hash::<sha1::Sha1>(meter, "sha1", value)
}

pub(in crate::template) fn sha256(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    hash::<sha2::Sha256>(meter, "sha256", value)
}

/// The hash of a text's bytes, in small hexadecimal digits.
fn hash<D: Digest>(meter: &Meter, filter: &'static str, value: &Operand) -> Result<Operand> {
    let text = text(filter, value)?;
    meter.work(HASH_WORK + HASH_WORK_EACH * text.len() as u64)?;
    meter.make(HASH_BYTES)?;
    Operand::text(meter, &digits(&D::digest(text)))
}

fn digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
