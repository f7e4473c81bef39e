//! Fuzz targets: what must hold of any bytes, as ordinary functions that panic where it does not. libFuzzer
//! drives them (`fuzz_targets`), and an ordinary test runs them over what was found and kept (`corpus`).

pub mod cacao;
pub mod condition;
mod data;
mod disk;
pub mod frames;
pub mod http;
pub mod journal;
pub mod playbook;
mod shape;
pub mod template;

/// What is done with bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its folder in `corpus`.
pub const TARGETS: [(&str, Target); 7] = [
    ("playbook", playbook::run),
    ("journal", journal::run),
    ("frames", frames::run),
    ("template", template::run),
    ("condition", condition::run),
    ("http", http::run),
    ("cacao", cacao::run),
];

/// Templates and conditions catch the panics of the libraries that they stand on, and say that the text is of no
/// use. libFuzzer ends at a panic before it is caught: from then on at those of our own code alone, caught or not,
/// and at every one that nobody catches.
pub fn let_libraries_panic() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let library = panic.location().is_some_and(|place| place.file().contains("/registry/"));
        if !library {
            end(panic);
        }
    }));
}
