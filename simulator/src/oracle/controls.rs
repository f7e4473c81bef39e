//! Controls: which were answered, and which a node holds until it answers them.

use updraft_protocol::ExecutionId;

use super::Oracle;
use crate::event::NodeId;
use crate::execution::Verdict;
use crate::scenario::ClientControl;

impl Oracle {
    /// A cancel was answered.
    pub fn cancel_told(&mut self, cancel: usize, peid: ExecutionId, verdict: Verdict) {
        self.cancels.entry(cancel).or_insert((peid, verdict));
    }

    /// A node holds a control until it answers it.
    pub fn hold(&mut self, control: ClientControl, node: NodeId) {
        self.held.insert((control, node));
    }

    /// Whether a node holds a control: the client does not repeat it there.
    pub fn is_held(&self, control: ClientControl, node: NodeId) -> bool {
        self.held.contains(&(control, node))
    }

    /// A node does not hold a control any more: the client asks again, unless it was answered.
    pub fn release(&mut self, control: ClientControl, node: NodeId) {
        self.held.remove(&(control, node));
    }

    /// Another priority was applied, or makes no sense any more.
    pub fn prioritised(&mut self, control: ClientControl) {
        self.prioritised.insert(control);
    }

    /// Whether a control was answered.
    pub fn is_answered(&self, control: ClientControl) -> bool {
        match control {
            ClientControl::Cancel(cancel) => self.cancels.contains_key(&cancel),
            ClientControl::Signal(_) | ClientControl::Repeated(_) => self.signals.contains_key(&control),
            ClientControl::Answer(_) => self.answers.contains_key(&control),
            ClientControl::Skip(_) => self.skips.contains(&control),
            ClientControl::Prioritise(_) => self.prioritised.contains(&control),
            ClientControl::Pause(_) | ClientControl::Resume(_) => self.pauses.contains(&control),
        }
    }
}
