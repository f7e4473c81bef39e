//! The tree of a YAML text: values with the texts that spell them, and each comment where it belongs. Owns no layout.

/// A text with one value.
pub(super) struct Tree<'t> {
    /// What stands before `---`: comments and directives.
    pub(super) before: Vec<Comment<'t>>,
    /// Whether the value begins with `---`.
    pub(super) marked: bool,
    pub(super) root: Node<'t>,
    /// Comments after the value.
    pub(super) after: Vec<Comment<'t>>,
    /// The comments at the ends of the lines of nodes, by their numbers.
    pub(super) trailing: Vec<Option<Comment<'t>>>,
    /// All comments in their order.
    pub(super) comments: Vec<&'t str>,
}

/// A comment, with its `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comment<'t> {
    pub(super) text: &'t str,
    /// Whether nothing stands before it in its line.
    pub(super) own_line: bool,
    /// Where it begins in its line, in letters from 0.
    pub(super) column: usize,
    /// Whether a blank line is above it.
    pub(super) blank: bool,
}

/// A value.
pub(super) struct Node<'t> {
    /// The number under which the comment at the end of its line is found.
    pub(super) number: usize,
    /// Its anchor and its tag, as they are spelled.
    pub(super) properties: Vec<&'t str>,
    /// The comment in the line of its name or dash, where it begins below that.
    pub(super) header: Option<Comment<'t>>,
    /// Comments in lines of their own between its name and itself.
    pub(super) above: Vec<Comment<'t>>,
    /// Whether it begins in a line below its name or dash.
    pub(super) below: bool,
    pub(super) content: Content<'t>,
}

/// What a value is.
pub(super) enum Content<'t> {
    /// Nothing is written, which is null.
    Missing,
    /// A plain or quoted text, or an alias, as it is spelled.
    Scalar(&'t str),
    BlockText(BlockText<'t>),
    Collection(Collection<'t>),
}

/// A text after `|` or `>`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BlockText<'t> {
    /// `|` or `>`.
    pub(super) style: char,
    /// Whether its header says how deep it is indented, as its first line begins with blanks.
    pub(super) indented: bool,
    /// `-` or `+`, which say what becomes of line feeds at its end.
    pub(super) chomping: Option<char>,
    pub(super) comment: Option<Comment<'t>>,
    /// Its lines without their indentation.
    pub(super) lines: Vec<&'t str>,
}

/// A list or a map.
pub(super) struct Collection<'t> {
    /// How it was written between brackets, if so.
    pub(super) flow: Option<Flow>,
    pub(super) is_map: bool,
    pub(super) entries: Vec<Entry<'t>>,
    /// Comments after its last entry.
    pub(super) end: Vec<Comment<'t>>,
}

/// How a collection between brackets was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Whether it stands in one line.
    pub(super) one_line: bool,
    /// Whether comments stand in it.
    pub(super) comments: bool,
    /// Whether it has brackets: a map of one field in a list has none.
    pub(super) brackets: bool,
}

/// An item of a list, or a field of a map.
pub(super) struct Entry<'t> {
    pub(super) before: Vec<Comment<'t>>,
    /// Whether a blank line is above it, below its comments.
    pub(super) blank: bool,
    /// The name of a field.
    pub(super) name: Option<Name<'t>>,
    pub(super) value: Node<'t>,
}

/// The name of a field.
pub(super) struct Name<'t> {
    /// Its tag, as it is spelled.
    pub(super) properties: Vec<&'t str>,
    pub(super) text: &'t str,
}
