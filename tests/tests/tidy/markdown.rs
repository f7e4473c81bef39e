//! Markdown: what a document shows as code, what it links to, and which commands it tells its reader to run.
//! Never judges any of it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A piece of a document and its line.
pub(crate) type Piece = (usize, String);

/// What a document names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Texts between backticks, outside of fences.
    pub(crate) spans: Vec<Piece>,
    /// Targets of links.
    pub(crate) links: Vec<Piece>,
    /// Lines to be run: those of shell fences, without the prompt.
    pub(crate) commands: Vec<Piece>,
}

/// The languages of fences whose lines are commands.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// Takes a document apart.
pub(crate) fn read(text: &str) -> Pieces {
    let mut pieces = Pieces::default();
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let parser = Parser::new(text);
    let definitions = parser.reference_definitions().iter();
    pieces.links.extend(definitions.map(|(_, to)| (line(to.span.start), to.dest.to_string())));
    // The language of the fence that is open.
    let mut fence: Option<String> = None;
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                fence = Some(language.split([',', ' ']).next().unwrap_or_default().to_owned());
            }
            Event::End(TagEnd::CodeBlock) => fence = None,
            Event::Text(code) => {
                if let Some(language) = fence.as_deref().filter(|language| SHELLS.contains(language)) {
                    commands(&code, language, line(range.start), &mut pieces);
                }
            }
            Event::Code(span) => {
                let words: Vec<&str> = span.split_whitespace().collect();
                pieces.spans.push((line(range.end), words.join(" ")));
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                pieces.links.push((line(range.start), dest_url.to_string()));
            }
            _ => {}
        }
    }
    pieces
}

/// Reads the commands of a part of a fence, which begins in this line.
fn commands(code: &str, language: &str, first: usize, pieces: &mut Pieces) {
    let mut unfinished = String::new();
    for (line, number) in code.lines().zip(first..) {
        let Some(command) = prompted(line.trim_start(), language) else { continue };
        match command.strip_suffix('\\') {
            Some(part) => unfinished.push_str(part),
            None => pieces.commands.push((number, format!("{}{command}", std::mem::take(&mut unfinished)))),
        }
    }
}

/// The command in a line of a shell fence. In a `console`, what has no prompt is an answer.
fn prompted<'a>(line: &'a str, language: &str) -> Option<&'a str> {
    let command = line.strip_prefix("$ ");
    let command = if language == "console" { command } else { command.or(Some(line)) };
    command.filter(|command| !command.is_empty() && !command.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pieces: &[Piece]) -> Vec<(usize, &str)> {
        pieces.iter().map(|(line, text)| (*line, text.as_str())).collect()
    }

    #[test]
    fn spans_and_links_are_read_outside_of_fences() {
        let pieces =
            read("a `b` ``c`d`` [`e`](f.md#g) [h](i \"j\")\n```rust\n`no` [no](no)\n```\n[k]: l.md\n");
        assert_eq!(texts(&pieces.spans), [(1, "b"), (1, "c`d"), (1, "e")]);
        assert_eq!(texts(&pieces.links), [(5, "l.md"), (1, "f.md#g"), (1, "i")]);
        assert_eq!(pieces.commands, []);
    }

    #[test]
    fn commands_are_the_lines_of_shell_fences() {
        let pieces =
            read("```sh\n# why\na b \\\n  c\n\n$ d\n```\n```console\n$ e\nanswer\n```\n```text\nf\n```\n");
        assert_eq!(texts(&pieces.commands), [(4, "a b c"), (6, "d"), (9, "e")]);
    }

    #[test]
    fn a_span_may_go_on_in_the_next_line_but_not_in_the_next_paragraph() {
        let pieces = read("a `b\n  c` `d` [e](f)\n\ng ` h\n\n`i` [j](k)\n");
        assert_eq!(texts(&pieces.spans), [(2, "b c"), (2, "d"), (6, "i")]);
        assert_eq!(texts(&pieces.links), [(2, "f"), (6, "k")]);
    }
}
