//! PNG: draws the SVG as pixels. Owns the bound on pixels.

mod fonts;

use std::collections::BTreeSet;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use updraft_protocol::limits::GRAPH_PNG_PIXELS;

use crate::diagram::Diagram;
use crate::error::{Error, Hundredths};
use crate::svg::Colours;
use fonts::Fonts;

/// The pixels of a picture for each of its own, where nothing is said: for screens on which they are small.
const SCALE: f32 = 2.0;

/// A picture as pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// The file.
    pub bytes: Vec<u8>,
    /// The characters that no font of the machine has, which `?` stands for.
    pub missing: BTreeSet<char>,
}

impl Diagram {
    /// The picture as PNG. Without a scale, the largest up to 2 that can be drawn.
    ///
    /// # Errors
    /// It has too many pixels, or cannot be drawn.
    pub fn png(&self, colours: Colours, scale: Option<f32>) -> Result<Png, Error> {
        let colours = if colours == Colours::Preferred { Colours::Light } else { colours };
        let svg = self.svg(colours)?;
        let fonts = Fonts::of(&svg);
        let svg = fonts.shown(svg);
        let Fonts { database, missing } = fonts;
        let options =
            Options { font_family: "Inter".to_owned(), fontdb: Arc::new(database), ..Options::default() };
        let tree = Tree::from_str(&svg, &options).map_err(|error| Error::Draw(error.to_string()))?;
        let size = tree.size();
        let fits = (GRAPH_PNG_PIXELS as f32 / (size.width() * size.height())).sqrt() * 0.99;
        let scale = scale.unwrap_or_else(|| SCALE.min(fits));
        let pixels = |length: f32| (length * scale).ceil();
        let (width, height) = (pixels(size.width()), pixels(size.height()));
        if !(scale > 0.0 && f64::from(width) * f64::from(height) <= GRAPH_PNG_PIXELS as f64) {
            let fits = Hundredths((fits * 100.0) as u32);
            return Err(Error::Pixels { width: width as u64, height: height as u64, fits });
        }
        let mut pixmap = Pixmap::new(width as u32, height as u32)
            .ok_or_else(|| Error::Draw("it has no pixels".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        let bytes = pixmap.encode_png().map_err(|error| Error::Draw(error.to_string()))?;
        Ok(Png { bytes, missing })
    }
}
