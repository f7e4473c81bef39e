//! Markdown: what a document shows as code, what it links to, and which commands it tells its reader to run.
//! Never judges any of it.

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
    // The fence that is open: its mark and its language.
    let mut fence: Option<(String, String)> = None;
    let mut unfinished = String::new();
    // A span that goes on in the next line.
    let mut open = String::new();
    for (line, number) in text.lines().zip(1..) {
        let trimmed = line.trim_start();
        match &fence {
            Some((mark, _)) if trimmed.starts_with(mark.as_str()) => fence = None,
            Some((_, language)) if SHELLS.contains(&language.as_str()) => {
                let Some(command) = prompted(trimmed, language) else { continue };
                if let Some(part) = command.strip_suffix('\\') {
                    unfinished.push_str(part);
                } else {
                    let whole = format!("{}{command}", std::mem::take(&mut unfinished));
                    pieces.commands.push((number, whole));
                }
            }
            Some(_) => {}
            None => match opening(trimmed) {
                Some(opened) => {
                    fence = Some(opened);
                    open.clear();
                }
                None if trimmed.is_empty() => open.clear(),
                None => open = inline(&format!("{open}{trimmed}"), number, &mut pieces),
            },
        }
    }
    pieces
}

/// The mark and the language of a fence that opens here.
fn opening(line: &str) -> Option<(String, String)> {
    let mark: String = line.chars().take_while(|c| "`~".contains(*c)).collect();
    let language = line[mark.len()..].split([',', ' ']).next().unwrap_or_default();
    (mark.len() >= 3).then(|| (mark.clone(), language.to_owned()))
}

/// The command in a line of a shell fence. In a `console`, what has no prompt is an answer.
fn prompted<'a>(line: &'a str, language: &str) -> Option<&'a str> {
    let command = line.strip_prefix("$ ");
    let command = if language == "console" { command } else { command.or(Some(line)) };
    command.filter(|command| !command.is_empty() && !command.starts_with('#'))
}

/// Reads a line; gives back the beginning of a span that does not end in it.
fn inline(line: &str, number: usize, pieces: &mut Pieces) -> String {
    let mut rest = line;
    let (mut prose, mut open) = (String::new(), String::new());
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let mark = "`".repeat(ticks);
        let body = &rest[start + ticks..];
        prose.push_str(&rest[..start]);
        let Some(end) = body.find(&mark) else {
            open = format!("{} ", &rest[start..]);
            rest = "";
            break;
        };
        // Something stands for the span, so that the text of a link is not empty.
        prose.push('_');
        pieces.spans.push((number, body[..end].trim().to_owned()));
        rest = &body[end + ticks..];
    }
    prose.push_str(rest);
    let targets = prose.split("](").skip(1).filter_map(|after| after.split([')', ' ']).next());
    pieces.links.extend(targets.map(|target| (number, target.trim_matches(['<', '>']).to_owned())));
    // A reference: `[name]: target`.
    if prose.starts_with('[')
        && let Some((_, target)) = prose.split_once("]: ")
    {
        pieces.links.push((number, target.trim().to_owned()));
    }
    open
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
        assert_eq!(texts(&pieces.links), [(1, "f.md#g"), (1, "i"), (5, "l.md")]);
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
