//! What the operator lets playbooks do with mail: from which addresses, and to which domains. Sends nothing.

use lettre::Address;
use lettre::message::Mailbox;

use super::address::MailDomain;

/// The operator's settings for what a step may write.
#[derive(Debug)]
pub(super) struct Policy {
    /// The sender where a step names none.
    pub(super) from: Mailbox,
    /// Other senders that a step may name.
    pub(super) senders: Vec<Address>,
    pub(super) domains: Vec<MailDomain>,
}

impl Policy {
    /// Whether a step may send mail from this address.
    pub(super) fn is_sender(&self, address: &Address) -> bool {
        [&self.from.email]
            .into_iter()
            .chain(&self.senders)
            .any(|own| own.domain() == address.domain() && own.user().eq_ignore_ascii_case(address.user()))
    }

    /// Whether mail may go to this address.
    pub(super) fn is_recipient(&self, address: &Address) -> bool {
        self.domains.iter().any(|pattern| pattern.has(address.domain()))
    }
}
