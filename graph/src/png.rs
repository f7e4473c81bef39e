//! PNG: draws the SVG as pixels, with a font that comes with the program, and those of the machine for what that lacks. Owns
//! the bound on pixels.

use std::sync::Arc;

use fontdb::Database;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use updraft_protocol::limits::GRAPH_PNG_PIXELS;

use crate::diagram::Diagram;
use crate::error::{Error, Hundredths};
use crate::svg::Colours;

/// The pixels of a picture for each of its own, where nothing is said: for screens on which they are small.
const SCALE: f32 = 2.0;
/// Inter, by the Inter Project Authors, with the letters of Europe: licence in `graph/fonts/OFL.txt`.
const FONTS: [&[u8]; 2] =
    [include_bytes!("../fonts/Inter-Regular.otf"), include_bytes!("../fonts/Inter-SemiBold.otf")];

impl Diagram {
    /// The picture as PNG. Without a scale, the largest up to 2 that can be drawn.
    ///
    /// # Errors
    /// It has too many pixels, or cannot be drawn.
    pub fn png(&self, colours: Colours, scale: Option<f32>) -> Result<Vec<u8>, Error> {
        let colours = if colours == Colours::Preferred { Colours::Light } else { colours };
        let svg = self.svg(colours)?;
        let mut fonts = Database::new();
        FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
        fonts.set_sans_serif_family("Inter");
        if svg.chars().any(is_elsewhere) {
            fonts.load_system_fonts();
        }
        let options =
            Options { font_family: "Inter".to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
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
        pixmap.encode_png().map_err(|error| Error::Draw(error.to_string()))
    }
}

/// Whether a character may be one that the font of the program lacks.
fn is_elsewhere(c: char) -> bool {
    !matches!(u32::from(c), 0..0x180 | 0x386..0x3cf | 0x400..0x460 | 0x2010..0x2027 | 0x2190..0x2194 | 0xfffd)
}
