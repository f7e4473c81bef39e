//! Drives `updraft_fuzz::cacao` with what libFuzzer thinks of. Owns nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: updraft_fuzz::let_libraries_panic(), |data: &[u8]| updraft_fuzz::cacao::run(data));
