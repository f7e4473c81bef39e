//! Texts after `|` and `>`: where they end, and their lines without indentation. Every line is kept byte for byte.

use super::tree::BlockText;

/// What stands in the line of `|` or `>` after it, and the lines below.
pub(super) struct Extent<'t> {
    pub(super) text: BlockText<'t>,
    /// The bytes of the header, up to a comment or the end of its line.
    pub(super) header: usize,
    /// The bytes of the whole, without the last line feed.
    pub(super) whole: usize,
}

/// The text that begins with `|` or `>`, in a collection that stands in column `around`; none where its end is not told.
pub(super) fn read(text: &str, around: usize) -> Option<Extent<'_>> {
    let mut letters = text.chars();
    let style = letters.next().filter(|style| matches!(style, '|' | '>'))?;
    let (mut chomping, mut indent) = (None, None);
    let mut header = 1;
    for letter in letters {
        match letter {
            '+' | '-' => chomping = Some(letter),
            '1'..='9' => indent = letter.to_digit(10),
            _ => break,
        }
        header += 1;
    }
    let first_line = text.find('\n').unwrap_or(text.len());
    let below = text.get(first_line..)?.strip_prefix('\n').unwrap_or_default();
    let auto = || below.split('\n').find(|line| !line.trim_matches(' ').is_empty()).map(indentation);
    let own = indent.map(|digit| around + digit as usize).or_else(auto).filter(|own| *own > around);
    let (mut lines, mut whole) = (Vec::new(), first_line);
    let mut kept = (0, first_line);
    for whole_line in below.split_inclusive('\n') {
        let line = whole_line.trim_end_matches('\n');
        let content = match own {
            Some(own) if indentation(line) >= own => line.get(own..).unwrap_or_default(),
            _ if line.trim_matches(' ').is_empty() => "",
            _ => break,
        };
        // Blanks at the end of a file are no line; the parser counts them as one where no other is there.
        if content.is_empty() && whole_line.len() == line.len() {
            if chomping == Some('+') {
                return None;
            }
            break;
        }
        whole += 1 + line.len();
        lines.push(content);
        if !content.is_empty() {
            kept = (lines.len(), whole);
        }
    }
    // Blank lines at its end are part of it only where it says so.
    if chomping != Some('+') {
        lines.truncate(kept.0);
        whole = kept.1;
    }
    let text = BlockText { style, indented: indent.is_some(), chomping, comment: None, lines };
    Some(Extent { text, header, whole })
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, around: usize) -> (Vec<&str>, usize) {
        let extent = read(text, around).unwrap();
        (extent.text.lines, extent.whole)
    }

    #[test]
    fn a_text_ends_where_a_line_is_indented_less() {
        assert_eq!(lines("|\n  x\n    y \n\n  z\n\n\nb: 1\n", 0), (vec!["x", "  y ", "", "z"], 17));
        assert_eq!(lines("|+\n  x\n\n \nb: 1\n", 0), (vec!["x", "", ""], 9));
        assert_eq!(lines("|\n  x\n     \nb: 1\n", 0), (vec!["x", "   "], 11));
        assert_eq!(lines(">-\n  x", 0), (vec!["x"], 6));
        assert_eq!(lines("|\n  # no text\nb: 1\n", 2), (vec![], 1));
        assert_eq!(lines("|1-\n   x\n", 1), (vec![" x"], 8));
        assert_eq!(lines("|\n x\n  ", 0), (vec!["x", " "], 7));
        assert_eq!(lines("|\n  x\n ", 0), (vec!["x"], 5));
        assert!(read("|+\n\n  ", 0).is_none());
    }
}
