//! Texts of others, made fit to be shown: one line, bounded, with nothing that a reader would obey or not see. Owns how wide
//! a text is; draws nothing.

use updraft_protocol::limits::GRAPH_TEXT_CHARS;

/// What stands for a character that is not shown.
const HIDDEN: char = '\u{fffd}';

/// The text on one line, at most so long as a tooltip is.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(GRAPH_TEXT_CHARS));
    let (mut count, mut space) = (0, true);
    for c in text.chars() {
        let c = match c {
            c if c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c if is_joiner(c) && shown.ends_with(|before: char| !before.is_ascii() && !is_joiner(before)) => {
                c
            }
            c if is_hidden(c) => HIDDEN,
            c => c,
        };
        if c == ' ' && space {
            continue;
        }
        if count == GRAPH_TEXT_CHARS {
            shown.push('…');
            break;
        }
        space = c == ' ';
        shown.push(c);
        count += 1;
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Whether a character is a control, a mark that turns the direction of writing, or none that XML may have.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (u32::from(c) & 0xfffe) == 0xfffe
}

/// Whether a character says how its neighbours are joined: scripts and signs of people are written with it.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether a letter is written from right to left.
const fn is_leftward(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// The line, with what stands behind its last letter on the side on which its script goes on.
fn directed(mut line: String) -> String {
    let ends = line.ends_with(|c: char| !c.is_alphanumeric());
    if ends && line.chars().rev().find(|c| c.is_alphabetic()).is_some_and(is_leftward) {
        line.push('\u{200f}');
    }
    line
}

/// How heavy a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// Thousandths of its height that each character from the space to the tilde takes, in Inter, the font of our own PNGs.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    281, 278, 403, 631, 638, 812, 639, 222, 362, 362, 500, 659, 280, 460, 276, 357, 625, 464, 605, 636, 642, 608, 624, 571,
    616, 624, 276, 280, 659, 659, 659, 507, 936, 676, 651, 727, 719, 598, 587, 743, 740, 264, 543, 652, 562, 889, 753, 761,
    635, 761, 639, 638, 642, 741, 676, 949, 642, 665, 625, 362, 357, 362, 469, 452, 497, 564, 621, 558, 621, 582, 361, 609,
    591, 237, 237, 544, 237, 869, 585, 597, 609, 609, 372, 523, 364, 581, 557, 812, 540, 557, 541, 362, 327, 362, 659,
];

/// What other fonts are wider, as a browser without Inter takes one of its own.
const ROOM: f64 = 1.06;

/// How wide a text is at most, written so high.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let thousandths: u64 = text.chars().map(|c| u64::from(advance(c))).sum();
    let bold = if weight == Weight::Bold { 1.05 } else { 1.0 };
    thousandths as f64 / 1_000.0 * size * bold * ROOM
}

fn advance(c: char) -> u16 {
    let known = u32::from(c).checked_sub(32).and_then(|at| WIDTHS.get(at as usize));
    match (known, unicode_width::UnicodeWidthChar::width(c)) {
        (Some(width), _) => *width,
        (None, Some(0)) => 0,
        (None, Some(2)) => 1_050,
        (None, _) => 750,
    }
}

/// Behind these a text without spaces is broken.
const BREAKS: [char; 5] = ['.', '|', ',', '/', '_'];

/// The text in at most so many lines of this width, broken at spaces where there are some; the last one is cut with `…`.
pub(crate) fn lines(text: &str, size: f64, weight: Weight, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < most {
        let fits = fitting(rest, size, weight, room);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            break;
        }
        if lines.len() + 1 == most {
            let cut = fitting(rest, size, weight, room - width("…", size, weight));
            lines.push(format!("{}…", rest.get(..cut).unwrap_or_default().trim_end()));
            break;
        }
        let line = rest.get(..fits).unwrap_or_default();
        let ends = [line.rfind(' '), line.rfind(BREAKS).map(|end| end + 1)];
        let end = ends.into_iter().flatten().find(|end| *end > fits / 3).unwrap_or(fits);
        lines.push(rest.get(..end).unwrap_or_default().trim_end().to_owned());
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    lines.into_iter().map(directed).collect()
}

/// The text on one line of this width.
pub(crate) fn line(text: &str, size: f64, weight: Weight, room: f64) -> String {
    lines(text, size, weight, room, 1).pop().unwrap_or_default()
}

/// How many bytes of the text fit, one character at least.
fn fitting(text: &str, size: f64, weight: Weight, room: f64) -> usize {
    let mut used = 0.0;
    let mut buffer = [0; 4];
    for (at, c) in text.char_indices() {
        used += width(c.encode_utf8(&mut buffer), size, weight);
        if used > room && at > 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_one_line_without_what_is_obeyed_or_unseen() {
        assert_eq!(shown("  a\n\tb  c "), "a b c");
        assert_eq!(
            shown("\u{1b}[2J\u{202e}x\u{0}\u{ffff}\u{200b}"),
            "\u{fffd}[2J\u{fffd}x\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(
            shown("👩\u{200d}🚒 a\u{200d}b"),
            "👩\u{200d}🚒 a\u{fffd}b",
            "what joins signs of people stays"
        );
        let long = shown(&"x".repeat(GRAPH_TEXT_CHARS + 1));
        assert_eq!((long.chars().count(), long.ends_with('…')), (GRAPH_TEXT_CHARS + 1, true));
    }

    #[test]
    fn lines_fit_and_the_last_one_says_that_there_is_more() {
        let text = "A password that was typed in opens no door that is still open.";
        let two = lines(text, 11.0, Weight::Regular, 150.0, 2);
        assert_eq!(two.len(), 2);
        assert!(two.iter().all(|line| width(line, 11.0, Weight::Regular) <= 150.0), "{two:?}");
        assert!(two[0].starts_with("A password") && two[1].ends_with('…'), "{two:?}");
        assert_eq!(lines("short", 11.0, Weight::Bold, 150.0, 2), ["short"]);
        let leftward = lines("عزل المضيف المصاب", 11.0, Weight::Regular, 60.0, 1);
        assert!(leftward[0].ends_with("…\u{200f}"), "the sign stands left of it: {leftward:?}");
        assert_eq!(
            lines("漢字漢字漢字", 10.0, Weight::Regular, 1.0, 9).len(),
            6,
            "one character a line at least"
        );
    }
}
