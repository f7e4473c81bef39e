//! The bugs of the coalescer: what is written next, and what counts as stored.

use super::Patch;

const COALESCER: &str = "kernel/src/coalescer.rs";
const SLOTS: &str = "kernel/src/coalescer/slots.rs";
const LOW_WATERMARK: &str = "kernel/src/coalescer/low_watermark.rs";

/// Patches of `kernel/src/coalescer.rs` and its parts.
pub(super) const PATCHES: &[Patch] = &[
    Patch {
        name: "CoalescerTakesTwice",
        file: COALESCER,
        find: "            } else if new {\n",
        replace: "            } else if new || crate::shared::planted::Bug::CoalescerTakesTwice.is_planted() {\n",
    },
    Patch {
        name: "CoalescerForgetsNewer",
        file: COALESCER,
        find: "            Some(_) => self.make_ready(at),\n",
        replace:
            "            Some(_) if crate::shared::planted::Bug::CoalescerForgetsNewer.is_planted() => {}
            Some(_) => self.make_ready(at),
",
    },
    Patch {
        name: "CoalescerUnbounded",
        file: COALESCER,
        find: "        within || self.is_empty()\n",
        replace: "        within || self.is_empty() || crate::shared::planted::Bug::CoalescerUnbounded.is_planted()\n",
    },
    Patch {
        name: "CoalescerKeepsOlder",
        file: SLOTS,
        find: "        self.update.merge(newer);\n",
        replace: "        if crate::shared::planted::Bug::CoalescerKeepsOlder.is_planted() {
            return;
        }
        self.update.merge(newer);
",
    },
    Patch {
        name: "PinsIgnored",
        file: LOW_WATERMARK,
        find: "        self.counts.first_key_value()",
        replace: "        if crate::shared::planted::Bug::PinsIgnored.is_planted() {
            return self.next;
        }
        self.counts.first_key_value()",
    },
];
