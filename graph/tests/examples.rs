//! The pictures of the examples: they can be drawn, are as small as a page wants them, and what is committed is what is drawn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use updraft_graph::{Colours, Diagram, Ruling};
use updraft_protocol::Playbook;

/// The most bytes of a picture in the repository.
const BYTES: usize = 30 << 10;

fn example(name: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name).join(file)
}

fn diagram(name: &str) -> Diagram {
    let bytes = std::fs::read(example(name, "playbook.yaml")).unwrap();
    Diagram::of(&Playbook::parse(&bytes).unwrap()).unwrap()
}

#[test]
fn the_picture_beside_an_example_is_the_one_that_is_drawn() {
    let svg = diagram("phishing-triage").svg(Colours::Preferred).unwrap();
    assert!(svg.len() <= BYTES, "{} bytes", svg.len());
    let path = example("phishing-triage", "graph.svg");
    if std::env::var_os("UPDRAFT_WRITE_GRAPH").is_some() {
        std::fs::write(&path, &svg).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == svg,
        "it changed; UPDRAFT_WRITE_GRAPH=1 cargo test -p updraft-graph --test examples writes it"
    );
}

#[test]
fn every_example_can_be_drawn() {
    for name in ["phishing-triage", "ransomware-containment", "indicator-sweep"] {
        let diagram = diagram(name);
        let document = diagram.svg(Colours::Dark).unwrap();
        assert!(document.contains(&format!(">{name}</text>")), "the name is a text that can be selected");
        for foreign in ["<script", "href", "@import", "url(", "<foreignObject", "<image"] {
            assert!(!document.contains(foreign), "{foreign}");
        }
        assert!(diagram.text(100, Ruling::Unicode).len() > 5);
    }
}

#[test]
fn what_an_author_wrote_is_text_and_no_part_of_the_picture() {
    let playbook = r#"{"format": 1, "name": "hostile", "version": 1, "description": "</desc><script>x()</script>\u0000\u202e",
        "steps": [
            {"id": "a", "description": "\"><script>&\u001b[2J]]>\u2028", "action": "http.request",
             "arguments": {"url": "https://x.example/?key=s3cr3t"}},
            {"if": "'</text><a href=\"x\">' == 1 < 2", "then": [{"fail": "<b>\uffff"}]}
        ]}"#;
    let diagram = Diagram::of(&Playbook::parse(playbook.as_bytes()).unwrap()).unwrap();
    let svg = diagram.svg(Colours::Preferred).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    for raw in ["<script", "<a ", "<b>", "s3cr3t", "\u{1b}", "\u{202e}", "\u{0}", "\u{ffff}"] {
        assert!(!svg.contains(raw), "{raw:?}");
    }
    let text: String =
        diagram.text(200, Ruling::Unicode).iter().flatten().map(|span| span.text.as_str()).collect();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{0}']) && !text.contains("s3cr3t"), "{text:?}");
}

#[cfg(feature = "png")]
#[test]
fn a_png_has_its_bound_and_says_which_scale_is_possible() {
    let diagram = diagram("indicator-sweep");
    let png = diagram.png(Colours::Dark, Some(0.2)).unwrap();
    assert!(png.bytes.starts_with(b"\x89PNG") && png.missing.is_empty());
    let error = diagram.png(Colours::Light, Some(10.0)).unwrap_err().to_string();
    assert!(error.contains("pixels at this scale") && error.contains("which is a scale of "), "{error}");
}
