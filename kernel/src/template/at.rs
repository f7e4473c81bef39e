//! The place of a part of a value, in the notation of authors and as a JSON pointer.

/// The place of a part of a value.
pub(super) struct At {
    /// In the notation of authors: `steps[3].arguments.headers.Authorization`.
    pub(super) path: String,
    /// As a JSON pointer (RFC 6901) into the value: `/headers/Authorization`.
    pub(super) pointer: String,
}

/// How many characters of a name a path shows.
const NAME_SHOWN: usize = 64;

impl At {
    /// The place of the whole value.
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), pointer: String::new() }
    }

    /// The place of the field with this name.
    pub(super) fn field(&self, name: &str) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { path: field(&self.path, name), pointer: format!("{}/{escaped}", self.pointer) }
    }

    /// The place of the item with this index.
    pub(super) fn item(&self, number: usize) -> Self {
        Self { path: format!("{}[{number}]", self.path), pointer: format!("{}/{number}", self.pointer) }
    }
}

/// The path of a field: `path.name`, or `path["na me"]` if the name is not a plain one. A long name is cut, since the
/// paths of all parts inside repeat it.
pub(crate) fn field(path: &str, name: &str) -> String {
    if let Some((at, _)) = name.char_indices().nth(NAME_SHOWN) {
        let shown = name.get(..at).unwrap_or_default();
        return format!("{path}[\"{}…\"]", shown.escape_debug());
    }
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{name}") } else { format!("{path}[{name:?}]") }
}
