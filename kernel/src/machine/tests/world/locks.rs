//! Locks of bodies in a world: what holds of each call, whatever the playbook.

use updraft_protocol::TaskId;

use super::World;
use crate::machine::NeededLock;

impl World {
    /// The locks that a call needs, or a child, of bodies that were left.
    pub(super) fn locks_left_for(&self, task: TaskId) -> Vec<NeededLock> {
        let needed = self.machine.locks_of(task).into_iter();
        needed.filter(|lock| self.unlocked.contains(&lock.owner)).collect()
    }

    /// A call in bodies with locks has waited for them, and none of them was left.
    pub(super) fn is_in_its_locks(&self, task: TaskId) {
        let needed = self.machine.locks_of(task);
        assert!(needed.is_empty() || self.granted.contains(&task), "{needed:?}");
        assert_eq!(self.locks_left_for(task), []);
    }
}
