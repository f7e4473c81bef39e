//! A table of words: for the terminal and for the page. Knows nothing of what stands in it.

/// Where a cell has nothing to say.
const NOTHING: &str = "-";

/// Rows of cells, of which the first is the head.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Table(pub(crate) Vec<Vec<String>>);

impl Table {
    /// A table with this head.
    pub(crate) fn new<'a>(head: impl IntoIterator<Item = &'a str>) -> Self {
        Self(vec![head.into_iter().map(str::to_owned).collect()])
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = Option<String>>) {
        let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()));
        self.0.push(std::iter::once(name.into()).chain(cells).collect());
    }

    /// As text: names to the left, cells to the right, each column as wide as its widest cell.
    pub(crate) fn text(&self) -> String {
        let width = |place: usize| {
            self.0.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut text = String::new();
        for row in &self.0 {
            let cell = |(place, cell): (usize, &String)| match width(place) {
                width if place == 0 => format!("{cell:width$}"),
                width => format!("  {cell:>width$}"),
            };
            text += row.iter().enumerate().map(cell).collect::<String>().trim_end();
            text.push('\n');
        }
        text
    }

    /// As markup.
    pub(crate) fn html(&self) -> String {
        let row = |(number, row): (usize, &Vec<String>)| {
            let tag = if number == 0 { "th" } else { "td" };
            let cells = row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        format!("<table>{}</table>", self.0.iter().enumerate().map(row).collect::<String>())
    }
}

/// Words of others, which are no markup.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells_and_words_of_others_are_no_markup() {
        let mut table = Table::new(["what", "a"]);
        table.add("<b a=\"x\">&", [Some("12".to_owned())]);
        table.add("y", [None]);
        assert_eq!(table.text(), "what         a\n<b a=\"x\">&  12\ny            -\n");
        assert!(table.html().contains("<td>&lt;b a=&quot;x&quot;&gt;&amp;</td><td>12</td>"));
    }
}
