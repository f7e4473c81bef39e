//! The fonts of a PNG: those that come with the program, and of the machine's those that have what these lack. Owns that each file of
//! the machine is read once at most, and that no character vanishes from a picture.

use std::collections::BTreeSet;
use std::sync::Arc;

use fontdb::{Database, FaceInfo, Language, Source, Stretch, Style};
use skrifa::{FontRef, MetadataProvider};
use unicode_width::UnicodeWidthChar;

/// Inter, by the Inter Project Authors, with the letters of Europe: licence in `graph/fonts/OFL.txt`.
const INTER: [&[u8]; 2] =
    [include_bytes!("../../fonts/Inter-Regular.otf"), include_bytes!("../../fonts/Inter-SemiBold.otf")];
/// What stands for a character that no font has.
const UNKNOWN: char = '?';

/// The fonts for a picture.
pub(super) struct Fonts {
    pub(super) database: Database,
    /// The characters that no font has.
    pub(super) missing: BTreeSet<char>,
}

impl Fonts {
    /// Those for these texts.
    pub(super) fn of(texts: &str) -> Self {
        let mut database = Database::new();
        INTER.iter().for_each(|font| database.load_font_data(font.to_vec()));
        database.set_sans_serif_family("Inter");
        let mut missing: BTreeSet<char> = texts.chars().filter(|c| !c.is_control()).collect();
        INTER.iter().for_each(|font| lacks(font, 0, &mut missing));
        if !missing.is_empty() {
            of_the_machine(&mut database, &mut missing);
        }
        Self { database, missing }
    }

    /// The texts with a sign for what no font has. What takes no place has none.
    pub(super) fn shown(&self, texts: String) -> String {
        if self.missing.is_empty() {
            return texts;
        }
        let shown = |c: char| match self.missing.contains(&c) {
            false => Some(c),
            true => (c.width() != Some(0)).then_some(UNKNOWN),
        };
        texts.chars().filter_map(shown).collect()
    }
}

/// Adds fonts of the machine, as long as characters are missing.
fn of_the_machine(database: &mut Database, missing: &mut BTreeSet<char>) {
    let mut machine = Database::new();
    machine.load_system_fonts();
    let mut faces: Vec<&FaceInfo> = machine.faces().collect();
    faces.sort_by_key(|face| unlike(face));
    for face in faces {
        if missing.is_empty() {
            return;
        }
        let before = missing.len();
        let data = machine.with_face_data(face.id, |data, index| {
            lacks(data, index, missing);
            (missing.len() < before).then(|| data.to_vec())
        });
        if let Some(data) = data.flatten() {
            database.load_font_source(Source::Binary(Arc::new(data)));
        }
    }
}

/// How far a font is from the one of the program: the least is taken first.
fn unlike(face: &FaceInfo) -> (bool, bool, bool, u16, String) {
    let english = face.families.iter().find(|family| family.1 == Language::English_UnitedStates);
    let name = english.or(face.families.first()).map(|family| family.0.clone()).unwrap_or_default();
    let other = face.style != Style::Normal || face.stretch != Stretch::Normal;
    (other, face.monospaced, name.contains("Serif"), face.weight.0.abs_diff(400), name)
}

/// Leaves the characters that a font lacks.
fn lacks(font: &[u8], index: u32, missing: &mut BTreeSet<char>) {
    if let Ok(font) = FontRef::from_index(font, index) {
        let characters = font.charmap();
        missing.retain(|c| characters.map(*c).is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_has_needs_no_font_of_the_machine() {
        let fonts = Fonts::of("Zürich, Αθήνα, Київ → ✓ …\n");
        assert_eq!((fonts.database.len(), fonts.missing.len()), (2, 0));
    }

    #[test]
    fn what_no_font_has_is_shown_as_unknown_and_not_left_out() {
        // Characters for private use, which no font of a machine has by chance, and a mark that takes no place.
        let fonts = Fonts::of("a\u{10fffd}b\u{fe0f}");
        assert!(fonts.missing.contains(&'\u{10fffd}'));
        let fonts = Fonts { missing: BTreeSet::from(['\u{10fffd}', '\u{fe0f}']), ..fonts };
        assert_eq!(fonts.shown("a\u{10fffd}b\u{fe0f}".to_owned()), "a?b");
    }
}
