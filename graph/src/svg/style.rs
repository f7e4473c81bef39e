//! Colours and fonts. A picture for a page follows the reader's choice of light or dark; one with colours of its own is for
//! what knows no choice. Owns every colour.

use std::fmt::Write;

use crate::diagram::Family;
use crate::scene::Style;

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// Those that the reader prefers.
    #[default]
    Preferred,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What is coloured, with what it is coloured by, and the colour in the light and in the dark.
#[rustfmt::skip]
const COLOURS: &[(&str, &str, &str, &str)] = &[
    (".bg", "fill", "#ffffff", "#0d1117"),
    (".f", "fill", "#f6f8fa", "#12171f"),
    (".f", "stroke", "#d1d9e0", "#303842"),
    (".f.h", "fill", "#fffaf0", "#19160f"),
    (".f.h", "stroke", "#d9b46a", "#6b5426"),
    (".w", "stroke", "#818b98", "#7d8590"),
    (".w.h", "stroke", "#b7791f", "#d29922"),
    (".a", "fill", "#818b98", "#7d8590"),
    (".a.h", "fill", "#b7791f", "#d29922"),
    (".l", "fill", "#ffffff", "#0d1117"),
    (".p", "fill", "#eef1f4", "#21262d"),
    (".p", "stroke", "#818b98", "#7d8590"),
    (".b", "fill", "#ffffff", "#1a212a"),
    (".b", "stroke", "#c4ccd5", "#3d4550"),
    (".t-title,.t-name,.t-pill", "fill", "#1f2328", "#f0f6fc"),
    (".t-detail,.t-frame,.t-label", "fill", "#59636e", "#9aa4b0"),
    (".t-desc", "fill", "#424a53", "#b6bfca"),
    (".t-frame.h,.t-label.h", "fill", "#8a5a0b", "#e3b341"),
    (".t-wrong", "fill", "#b91c1c", "#ff8a80"),
    (".t-state", "fill", "#424a53", "#b6bfca"),
    (".t-status,.n", "fill", "#ffffff", "#0d1117"),
    (".n", "stroke", "#ffffff", "#0d1117"),
    (".k-tool .i", "fill", "#ddf0ff", "#12304f"),
    (".k-tool .g", "stroke", "#0757b3", "#6cb6ff"),
    (".k-choice .i", "fill", "#ece3ff", "#2f2257"),
    (".k-choice .g", "stroke", "#6b35c9", "#c3a3ff"),
    (".k-loop .i", "fill", "#d5f5ee", "#0d3b37"),
    (".k-loop .g", "stroke", "#0b6e66", "#56d4c4"),
    (".k-wait .i", "fill", "#fff1cc", "#40300a"),
    (".k-wait .g", "stroke", "#8a5a0b", "#e3b341"),
    (".k-people .i", "fill", "#ffe4f1", "#4a1733"),
    (".k-people .g", "stroke", "#a8256f", "#ff9bce"),
    (".k-inner .i", "fill", "#e6eaef", "#2b323b"),
    (".k-inner .g", "stroke", "#424a53", "#b6bfca"),
    (".k-end .i", "fill", "#d6f5de", "#10351d"),
    (".k-end .g", "stroke", "#176f33", "#56d37a"),
    (".k-fail .i", "fill", "#ffe1de", "#4a1714"),
    (".k-fail .g", "stroke", "#b91c1c", "#ff8a80"),
    (".s-run .m", "fill", "#0969da", "#58a6ff"),
    (".s-wait .m", "fill", "#9a6700", "#e3b341"),
    (".s-done .m", "fill", "#1a7f37", "#3fb950"),
    (".s-bad .m", "fill", "#cf222e", "#ff6b60"),
    (".s-stop .m", "fill", "#59636e", "#9aa4b0"),
    (".s-unk .m", "fill", "#8250df", "#bc8cff"),
    (".s-run .b", "stroke", "#0969da", "#58a6ff"),
    (".s-wait .b", "stroke", "#bf8700", "#bb8009"),
    (".s-done .b", "stroke", "#4ac26b", "#2ea043"),
    (".s-bad .b", "stroke", "#cf222e", "#ff6b60"),
    (".s-stop .b", "stroke", "#818b98", "#7d8590"),
    (".s-unk .b", "stroke", "#8250df", "#bc8cff"),
];

/// What does not depend on the light.
const FORMS: &str = "text{font-family:Inter,system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\",sans-serif;font-size:11.5px;white-space:pre}\
.w{fill:none;stroke-width:1.5}.w.h{stroke-dasharray:5 4}.f.h{stroke-dasharray:5 4}.b{stroke-width:1}\
.g,.n{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}.n{stroke-width:1.8}\
.t-title{font-size:20px;font-weight:600}.t-name{font-size:13px;font-weight:600}\
.t-state,.t-status,.t-frame,.t-pill{font-weight:600}.t-label{font-size:11px}.t-label,.t-pill{text-anchor:middle}\
.s-run .b,.s-wait .b,.s-bad .b,.s-unk .b{stroke-width:2}.s-none{opacity:.5}.s-none .b{stroke-dasharray:4 3}";

/// The style sheet.
pub(super) fn sheet(colours: Colours) -> String {
    let mut sheet = match colours {
        Colours::Preferred => {
            format!("{}@media (prefers-color-scheme:dark){{{}}}", rules(false), rules(true))
        }
        Colours::Light => rules(false),
        Colours::Dark => rules(true),
    };
    sheet.push_str(FORMS);
    sheet
}

fn rules(is_dark: bool) -> String {
    COLOURS.iter().fold(String::new(), |mut rules, (what, by, light, dark)| {
        let colour = if is_dark { dark } else { light };
        // A String takes everything.
        let _ = write!(rules, "{what}{{{by}:{colour}}}");
        rules
    })
}

/// The class of kinds that look alike.
pub(super) const fn class(family: Family) -> &'static str {
    match family {
        Family::Tool => "tool",
        Family::Choice => "choice",
        Family::Loop => "loop",
        Family::Wait => "wait",
        Family::People => "people",
        Family::Inner => "inner",
        Family::End => "end",
        Family::Fail => "fail",
    }
}

/// The class of a text.
pub(super) const fn text(style: Style) -> &'static str {
    match style {
        Style::Title => "t-title",
        Style::Name => "t-name",
        Style::Detail => "t-detail",
        Style::Description => "t-desc",
        Style::Wrong => "t-wrong",
        Style::State => "t-state",
    }
}
