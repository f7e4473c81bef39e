//! Attachments: read from the arguments, and brought into memory where they are files of the execution. Bounds what it reads.

use std::io::Read;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use lettre::message::header::ContentType;
use updraft_protocol::limits::MAIL_FILE_NAME_BYTES;
use updraft_protocol::{CallFiles, ExecutionFile, Failure, FailureKind, FileId, Value};

use super::letter::Reader;

/// Base64 as people paste it: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields of which one is the content.
const CONTENTS: [&str; 3] = ["text", "base64", "file"];

/// An attachment of a step.
#[derive(Debug)]
pub(super) struct Attachment {
    name: String,
    content_type: Option<ContentType>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(String),
    Bytes(Vec<u8>),
    /// A file of the execution, before it is looked at.
    File(FileId),
}

/// An attachment with its bytes.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) content_type: ContentType,
    pub(super) bytes: Vec<u8>,
}

impl Attachment {
    /// The attachment at a place; `None` where it has mistakes, or is not known yet.
    pub(super) fn read(reader: &mut Reader<'_>, place: &str, value: &Value) -> Option<Self> {
        let Value::Object(fields) = value else {
            if !(value.is_null() && reader.is_draft()) {
                reader.wrong(place, "a map with `name` and one of `text`, `base64` and `file` is needed");
            }
            return None;
        };
        let known = |name: &str| matches!(name, "name" | "content_type") || CONTENTS.contains(&name);
        if let Some(unknown) = fields.keys().find(|name| !known(name)) {
            reader.wrong(format_args!("{place}.{}", unknown.escape_debug()), "is not known");
        }
        let given: Vec<&str> = CONTENTS
            .into_iter()
            .filter(|name| fields.get(*name).is_some_and(|value| reader.is_draft() || !value.is_null()))
            .collect();
        let [content] = given[..] else {
            reader.wrong(place, "one of `text`, `base64` and `file` is needed, and one alone");
            return None;
        };
        let name = name(reader, &format!("{place}.name"), value);
        let content_type = content_type(reader, &format!("{place}.content_type"), &value["content_type"]);
        let content = read_content(reader, (&format!("{place}.{content}"), content), &value[content]);
        Some(Self { name: name?, content_type, content: content? })
    }

    /// It with its bytes, of which there are at most so many.
    pub(super) async fn load(self, files: &CallFiles, most: usize) -> Result<Loaded, Failure> {
        let Self { name, content_type, content } = self;
        let usual = |text: &str| content_type.clone().or_else(|| ContentType::parse(text).ok());
        let (content_type, bytes) = match content {
            Content::Text(text) => (usual("text/plain; charset=utf-8"), text.into_bytes()),
            Content::Bytes(bytes) => (usual(BINARY), bytes),
            Content::File(id) => {
                let (bytes, told) = file(files.clone(), id, most).await?;
                let told = told.as_deref().and_then(media_type);
                (content_type.or(told).or_else(|| ContentType::parse(BINARY).ok()), bytes)
            }
        };
        if bytes.len() > most {
            return Err(too_large(most));
        }
        Ok(Loaded { name, content_type: content_type.unwrap_or(ContentType::TEXT_PLAIN), bytes })
    }
}

/// What nothing is known of.
const BINARY: &str = "application/octet-stream";

/// More than the mail may have.
pub(super) fn too_large(most: usize) -> Failure {
    Failure::new(
        FailureKind::TooLarge,
        format!("arguments: a mail has at most {most} bytes here, with all that it carries"),
    )
}

fn name(reader: &mut Reader<'_>, place: &str, fields: &Value) -> Option<String> {
    let text = match &fields["name"] {
        Value::String(text) => text,
        Value::Null if reader.is_draft() => return None,
        _ => {
            reader.wrong(place, "a text is needed");
            return None;
        }
    };
    let is_name = !text.trim().is_empty()
        && text.len() <= MAIL_FILE_NAME_BYTES
        && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
    if !is_name {
        reader.wrong(place, "the name of a file is needed, without a folder, on one line");
    }
    is_name.then(|| text.clone())
}

fn content_type(reader: &mut Reader<'_>, place: &str, value: &Value) -> Option<ContentType> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text,
        _ => {
            reader.wrong(place, "a text such as `application/pdf` is needed");
            return None;
        }
    };
    let found = media_type(text);
    if found.is_none() {
        reader.wrong(place, "a media type such as `application/pdf` is needed; none of several parts");
    }
    found
}

fn media_type(text: &str) -> Option<ContentType> {
    let is_line =
        text.len() <= MAIL_FILE_NAME_BYTES && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let of_parts = text.trim_start().get(..9).is_some_and(|head| head.eq_ignore_ascii_case("multipart"));
    if is_line && !of_parts { ContentType::parse(text).ok() } else { None }
}

fn read_content(reader: &mut Reader<'_>, (place, name): (&str, &str), value: &Value) -> Option<Content> {
    if value.is_null() {
        return None;
    }
    let found = match (name, value) {
        ("text", Value::String(text)) => Some(Content::Text(text.clone())),
        ("base64", Value::String(text)) => BASE64.decode(text.trim()).ok().map(Content::Bytes),
        ("file", value) => ExecutionFile::id_in(value).map(Content::File),
        _ => None,
    };
    if found.is_none() {
        let needed = match name {
            "text" => "a text is needed",
            "base64" => "a text of base64 is needed",
            _ => "a file of the execution is needed, such as `steps.ID.output.file`",
        };
        reader.wrong(place, needed);
    }
    found
}

/// Whether the arguments name a file of the execution.
pub(super) fn uses_files(arguments: &Value) -> bool {
    let items = arguments["attachments"].as_array().unwrap_or_default();
    // A list that is a template may have some.
    let is_unknown = arguments.get("attachments").is_some_and(Value::is_null);
    is_unknown || items.iter().any(|item| item.is_null() || item.get("file").is_some())
}

/// The bytes of a file of the execution, and its media type.
async fn file(files: CallFiles, id: FileId, most: usize) -> Result<(Vec<u8>, Option<String>), Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let opened = files.get()?.open(id)?;
        let most = most as u64;
        if opened.bytes > most {
            return Err(too_large(usize::try_from(most).unwrap_or(usize::MAX)));
        }
        let mut bytes = Vec::new();
        opened.content.take(most + 1).read_to_end(&mut bytes).map_err(|error| {
            let message = format!("the file {id} of the execution cannot be read: {error}");
            Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
        })?;
        Ok((bytes, opened.content_type))
    });
    read.await.unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Interrupted, "the runtime ended").with_may_have_acted(false))
    })
}
