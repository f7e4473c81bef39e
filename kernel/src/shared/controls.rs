//! The controls of one execution that are not answered yet, whichever actor runs it at the moment. An actor sees them and
//! leaves them here until it answers, so that one that leaves or dies has nothing to hand over: its successor sees the same.
//! Never waits, and never decides what is answered.

use updraft_protocol::limits::CONTROLS_HELD;

use super::sync::{Mutex, lock};

/// Controls that are held at once; one under loom, so that a model can fill it.
const ROOM: usize = if cfg!(loom) { 1 } else { CONTROLS_HELD };

/// Controls, oldest first, each with its number.
pub struct ControlQueue<C>(Mutex<State<C>>);

struct State<C> {
    held: Vec<(u64, C)>,
    /// The number of the newest control that was held.
    count: u64,
    /// The execution has ended: no control is held any more.
    closed: bool,
}

/// What became of a control.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum AskVerdict<C> {
    /// It is held until it is answered, or until the execution has ended.
    Held,
    /// There is no room for it at the moment.
    Full(C),
    /// The execution has ended.
    Closed(C),
}

impl<C> ControlQueue<C> {
    /// Holds a control, where there is room and the execution has not ended.
    pub fn ask(&self, control: C) -> AskVerdict<C> {
        let mut state = lock(&self.0);
        if state.closed {
            return AskVerdict::Closed(control);
        }
        if state.held.len() >= ROOM {
            return AskVerdict::Full(control);
        }
        state.count += 1;
        let number = state.count;
        state.held.push((number, control));
        AskVerdict::Held
    }

    /// Shows those that came after the one with number `seen`; zero is before all of them.
    pub fn after<T>(&self, seen: u64, mut show: impl FnMut(u64, &C) -> T) -> Vec<T> {
        let state = lock(&self.0);
        let later = state.held.iter().filter(|(number, _)| *number > seen);
        later.map(|(number, control)| show(*number, control)).collect()
    }

    /// Whether none waits for an answer.
    pub fn is_empty(&self) -> bool {
        lock(&self.0).held.is_empty()
    }

    /// Takes one out to be answered, and says whether there was no room before; none where it was answered, or the execution
    /// has ended.
    pub fn take(&self, number: u64) -> Option<(C, bool)> {
        let mut state = lock(&self.0);
        let index = state.held.iter().position(|(held, _)| *held == number)?;
        let full = state.held.len() >= ROOM;
        Some((state.held.remove(index).1, full))
    }

    /// Takes all of them out, and holds none any more.
    pub fn close(&self) -> Vec<(u64, C)> {
        let mut state = lock(&self.0);
        state.closed = true;
        std::mem::take(&mut state.held)
    }
}

impl<C> Default for ControlQueue<C> {
    fn default() -> Self {
        Self(Mutex::new(State { held: Vec::new(), count: 0, closed: false }))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn shown(queue: &ControlQueue<&'static str>, seen: u64) -> Vec<(u64, &'static str)> {
        queue.after(seen, |number, control| (number, *control))
    }

    #[test]
    fn a_control_is_shown_to_every_actor_until_one_has_answered_it() {
        let queue = ControlQueue::default();
        assert_eq!((queue.ask("look"), queue.ask("cancel")), (AskVerdict::Held, AskVerdict::Held));
        assert_eq!(shown(&queue, 0), [(1, "look"), (2, "cancel")]);
        assert_eq!(shown(&queue, 1), [(2, "cancel")], "an actor is shown what it has not seen");
        assert_eq!(queue.take(1), Some(("look", false)));
        assert_eq!(queue.take(1), None, "it is answered once");
        assert_eq!(shown(&queue, 0), [(2, "cancel")], "its successor sees what is not answered");
        assert!(!queue.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_and_none_after_the_end() {
        let queue = ControlQueue::default();
        for _ in 0..CONTROLS_HELD {
            assert_eq!(queue.ask("look"), AskVerdict::Held);
        }
        assert_eq!(queue.ask("cancel"), AskVerdict::Full("cancel"));
        assert_eq!(queue.take(7), Some(("look", true)));
        assert_eq!(queue.ask("cancel"), AskVerdict::Held);
        assert_eq!(queue.close().len(), CONTROLS_HELD);
        assert_eq!((queue.ask("late"), queue.is_empty()), (AskVerdict::Closed("late"), true));
    }
}
