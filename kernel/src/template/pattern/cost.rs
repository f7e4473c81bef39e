//! The cost of translating a pattern, from its parsed tree: classes are looked up and joined, and without regard to
//! case, each character of a class is looked at. Translates nothing but single classes.

use regex_syntax::ast::{
    self, Ast, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem, ClassUnicode,
    ClassUnicodeKind, Flag, FlagsItemKind, GroupKind,
};
use regex_syntax::hir::translate::Translator;
use regex_syntax::hir::{Class, ClassUnicodeRange, HirKind};

use crate::template::budget::Budget;

/// The cost of each part of a pattern.
const PART_WORK: u64 = 500;
/// The cost of looking up a class by its name, or by a name and a value: `\p{Age=…}` is built from many classes.
const LOOK_UP_WORK: u64 = 30_000;
const LOOK_UP_VALUE_WORK: u64 = 300_000;
/// The cost of each range that a class is joined with, and the most ranges.
const RANGE_WORK: u64 = 4;
const RANGES: u64 = 2_000;
/// The cost of each character that is looked at for its other case.
const FOLD_WORK: u64 = 12;
/// All characters.
const ALL: u64 = 0x11_0000;

/// Charges for translating a pattern, before that is done.
///
/// # Errors
/// What is left of the budget is less.
pub(super) fn charge(pattern: &Ast, budget: &mut Budget) -> Result<(), String> {
    let folds = ast::visit(pattern, Folds(false)).unwrap_or(true);
    ast::visit(pattern, Cost { budget, folds, ranges: 0 })
}

/// Whether case is ignored anywhere in a pattern; then the charge is as if it were everywhere.
struct Folds(bool);

impl Folds {
    fn flags(&mut self, flags: &ast::Flags) {
        let folds = |item: &ast::FlagsItem| item.kind == FlagsItemKind::Flag(Flag::CaseInsensitive);
        self.0 |= flags.items.iter().any(folds);
    }
}

impl ast::Visitor for Folds {
    type Output = bool;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<bool, Self::Err> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, part: &Ast) -> Result<(), Self::Err> {
        match part {
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.flags(flags);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

struct Cost<'b> {
    budget: &'b mut Budget,
    folds: bool,
    /// The ranges of all classes so far, which the next may be joined with.
    ranges: u64,
}

impl ast::Visitor for Cost<'_> {
    type Output = ();
    type Err = String;

    fn finish(self) -> Result<(), String> {
        Ok(())
    }

    fn visit_pre(&mut self, part: &Ast) -> Result<(), String> {
        self.budget.work(PART_WORK)?;
        match part {
            Ast::ClassUnicode(class) => self.named(class).map(|_| ()),
            Ast::ClassPerl(class) => self.perl(class).map(|_| ()),
            Ast::ClassBracketed(class) => self.bracketed(class).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// Each returns the most characters of a class.
impl Cost<'_> {
    fn bracketed(&mut self, class: &ClassBracketed) -> Result<u64, String> {
        let count = self.set(&class.kind)?;
        self.fold(count)?;
        Ok(if class.negated { ALL } else { count })
    }

    fn set(&mut self, set: &ClassSet) -> Result<u64, String> {
        match set {
            ClassSet::Item(item) => self.item(item),
            ClassSet::BinaryOp(operator) => {
                let (left, right) = (self.set(&operator.lhs)?, self.set(&operator.rhs)?);
                self.fold(left)?;
                self.fold(right)?;
                self.join(0)?;
                Ok((left + right).min(ALL))
            }
        }
    }

    fn item(&mut self, item: &ClassSetItem) -> Result<u64, String> {
        self.budget.work(PART_WORK)?;
        match item {
            ClassSetItem::Empty(_) => Ok(0),
            ClassSetItem::Literal(_) => self.join(1).map(|()| 1),
            ClassSetItem::Range(range) => {
                self.join(1)?;
                Ok(u64::from(u32::from(range.end.c).saturating_sub(u32::from(range.start.c))) + 1)
            }
            ClassSetItem::Ascii(class) => {
                self.join(4)?;
                Ok(if class.negated { ALL } else { 128 })
            }
            ClassSetItem::Unicode(class) => self.named(class),
            ClassSetItem::Perl(class) => self.perl(class),
            ClassSetItem::Bracketed(class) => self.bracketed(class),
            ClassSetItem::Union(union) => {
                let mut count = 0;
                for item in &union.items {
                    count += self.item(item)?;
                }
                Ok(count.min(ALL))
            }
        }
    }

    /// A class that is never case-folded by itself.
    fn perl(&mut self, class: &ClassPerl) -> Result<u64, String> {
        let (ranges, count) = match class.kind {
            ClassPerlKind::Digit => (100, 1_000),
            ClassPerlKind::Space => (12, 30),
            // Most of them have no other case, and are skipped together.
            ClassPerlKind::Word => (900, 30_000),
        };
        self.join(ranges)?;
        Ok(if class.negated { ALL } else { count })
    }

    /// A class with a name, which is case-folded by itself.
    fn named(&mut self, class: &ClassUnicode) -> Result<u64, String> {
        self.budget.work(match class.kind {
            ClassUnicodeKind::NamedValue { .. } => LOOK_UP_VALUE_WORK,
            _ => LOOK_UP_WORK,
        })?;
        self.join(RANGES / 2)?;
        if !self.folds {
            return Ok(ALL);
        }
        let plain = Ast::class_unicode(ClassUnicode { negated: false, ..class.clone() });
        // An unknown class is reported when the pattern is translated.
        let Ok(found) = Translator::new().translate("", &plain) else { return Ok(0) };
        let HirKind::Class(Class::Unicode(found)) = found.kind() else { return Ok(ALL) };
        self.fold(found.iter().filter(|range| has_letters(range)).map(size).sum())?;
        Ok(if class.is_negated() { ALL } else { found.iter().map(size).sum() })
    }

    fn join(&mut self, ranges: u64) -> Result<(), String> {
        self.ranges = (self.ranges + ranges).min(RANGES);
        self.budget.work(RANGE_WORK * self.ranges)
    }

    fn fold(&mut self, count: u64) -> Result<(), String> {
        if self.folds { self.budget.work(FOLD_WORK * count.min(ALL)) } else { Ok(()) }
    }
}

fn size(range: &ClassUnicodeRange) -> u64 {
    u64::from(u32::from(range.end()).saturating_sub(u32::from(range.start()))) + 1
}

/// Whether a range has letters with a case: those of China and Korea, and unassigned characters, have none.
fn has_letters(range: &ClassUnicodeRange) -> bool {
    const NONE: [(char, char); 3] =
        [('\u{2E80}', '\u{A63F}'), ('\u{AC00}', '\u{FAFF}'), ('\u{1EA00}', char::MAX)];
    !NONE.iter().any(|(start, end)| *start <= range.start() && range.end() <= *end)
}
