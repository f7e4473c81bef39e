//! What of a running engine is looked at, and how: the table that has the keys, its order, whether it stands still. Draws nothing,
//! and asks no engine.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use updraft::EngineSnapshot;

use super::tables::{Order, TopTable};

/// What is seen.
pub(super) struct TopView {
    /// Whose engine it is.
    pub(super) place: String,
    pub(super) now: EngineSnapshot,
    pub(super) before: Option<EngineSnapshot>,
    /// The table that has the keys.
    pub(super) selected: usize,
    pub(super) orders: [Order; TopTable::ALL.len()],
    /// The first row that is seen of each table.
    pub(super) offsets: [usize; TopTable::ALL.len()],
    pub(super) is_paused: bool,
    /// Why there is nothing newer.
    pub(super) trouble: Option<String>,
    pub(super) has_colours: bool,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Asked {
    Quit,
    /// Something may look otherwise now.
    Draw,
    Nothing,
}

impl TopView {
    pub(super) fn new(place: String, now: EngineSnapshot, has_colours: bool) -> Self {
        Self {
            place,
            now,
            before: None,
            selected: 0,
            orders: TopTable::ALL.map(TopTable::first_order),
            offsets: [0; TopTable::ALL.len()],
            is_paused: false,
            trouble: None,
            has_colours,
        }
    }

    /// A newer snapshot, or why there is none. One that comes while it stands still is passed over.
    pub(super) fn seen(&mut self, snapshot: Result<EngineSnapshot, String>) {
        match snapshot {
            _ if self.is_paused => {}
            Ok(snapshot) => {
                self.before = Some(std::mem::replace(&mut self.now, snapshot));
                self.trouble = None;
            }
            Err(why) => self.trouble = Some(why),
        }
    }

    pub(super) fn table(&self) -> TopTable {
        TopTable::ALL[self.selected]
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Asked {
        if key.kind == KeyEventKind::Release {
            return Asked::Nothing;
        }
        let tables = TopTable::ALL.len();
        let columns = self.table().rows_of(self).columns.len();
        let (order, offset) = (&mut self.orders[self.selected], &mut self.offsets[self.selected]);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Asked::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Asked::Quit,
            KeyCode::Tab | KeyCode::Right => self.selected = (self.selected + 1) % tables,
            KeyCode::BackTab | KeyCode::Left => self.selected = (self.selected + tables - 1) % tables,
            KeyCode::Down => *offset = offset.saturating_add(1),
            KeyCode::Up => *offset = offset.saturating_sub(1),
            KeyCode::PageDown => *offset = offset.saturating_add(10),
            KeyCode::PageUp => *offset = offset.saturating_sub(10),
            KeyCode::Home => *offset = 0,
            // Numbers are looked at from the largest on.
            KeyCode::Char('s') => {
                let column = (order.column + 1) % columns;
                *order = Order { column, is_reversed: column > 0 };
            }
            KeyCode::Char('r') => order.is_reversed = !order.is_reversed,
            KeyCode::Char('p' | ' ') => self.is_paused = !self.is_paused,
            _ => return Asked::Nothing,
        }
        let most = self.table().rows_of(self).rows.len().saturating_sub(1);
        let offset = &mut self.offsets[self.selected];
        *offset = (*offset).min(most);
        Asked::Draw
    }
}

impl TopTable {
    /// Its rows, as they are looked at.
    pub(super) fn rows_of(self, view: &TopView) -> super::tables::Rows {
        let rates = super::rates::Rates::new(&view.now, view.before.as_ref());
        self.rows(&view.now, &rates, view.orders[self as usize])
    }
}
