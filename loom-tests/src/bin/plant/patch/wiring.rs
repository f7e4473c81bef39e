//! What joins the patched kernel and the models: the kernel has the module of planted bugs, and a canary plants there.

use super::Patch;

/// Patches without a bug of their own.
pub(super) const PATCHES: &[Patch] = &[
    Patch {
        name: "the kernel's module of planted bugs",
        file: "kernel/src/shared/mod.rs",
        find: "pub mod permits;\n",
        replace: "pub mod permits;\npub mod planted;\n",
    },
    Patch {
        name: "the models' module of planted bugs",
        file: "loom-tests/src/lib.rs",
        find: "pub mod planted;\n",
        replace: "pub use updraft_kernel::shared::planted;\n",
    },
];
