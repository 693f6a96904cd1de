//! Tables for people: aligned columns, of pages that come one after the other.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What stands where there is nothing.
const NOTHING: &str = "-";

/// A column: its heading, its side, and how much of a value it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    heading: &'static str,
    is_number: bool,
    longest: usize,
}

impl Column {
    /// Of text, shortened to so many columns of a terminal.
    pub(crate) const fn text(heading: &'static str, longest: usize) -> Self {
        Self { heading, is_number: false, longest }
    }

    /// Of numbers, to the right.
    pub(crate) const fn number(heading: &'static str) -> Self {
        Self { heading, is_number: true, longest: 20 }
    }
}

/// A table on its way. A page is shown when it comes; a column that has become wider stays so.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    widths: [usize; N],
    has_begun: bool,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [Column; N]) -> Self {
        Self { columns, widths: columns.map(|column| column.heading.width()), has_begun: false }
    }

    /// The lines of a page, below the headings if it is the first one with rows.
    pub(crate) fn page(&mut self, rows: impl IntoIterator<Item = [String; N]>) -> String {
        let mut shown: Vec<[String; N]> = rows.into_iter().map(|row| self.shortened(row)).collect();
        if shown.is_empty() {
            return String::new();
        }
        if !self.has_begun {
            self.has_begun = true;
            shown.insert(0, self.columns.map(|column| column.heading.to_owned()));
        }
        for row in &shown {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        shown.iter().map(|row| self.line(row) + "\n").collect()
    }

    fn shortened(&self, row: [String; N]) -> [String; N] {
        let mut columns = self.columns.iter();
        row.map(|cell| {
            let longest = columns.next().map_or(usize::MAX, |column| column.longest);
            if cell.is_empty() { NOTHING.to_owned() } else { shortened(cell, longest) }
        })
    }

    fn line(&self, row: &[String; N]) -> String {
        let mut line = String::new();
        for ((column, width), cell) in self.columns.iter().zip(self.widths).zip(row) {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            if column.is_number {
                line.extend([&*gap, cell, "  "]);
            } else {
                line.extend([&**cell, &gap, "  "]);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The beginning of a text that is longer than so many columns of a terminal, and a mark that there is more.
pub(crate) fn shortened(mut text: String, longest: usize) -> String {
    if text.width() <= longest {
        return text;
    }
    let mut width = 1;
    let end = text.char_indices().find(|(_, character)| {
        width += character.width().unwrap_or(0);
        width > longest
    });
    text.truncate(end.map_or(0, |(at, _)| at));
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const N: usize>(cells: [&str; N]) -> [String; N] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let mut table =
            Table::new([Column::text("LABEL", 40), Column::number("MAX"), Column::text("URL", 40)]);
        let page = table.page([row(["Lab", "9.5", "u1"]), row(["試験 2", "100", ""]), row(["é", "", "u3"])]);
        assert_eq!(page, "LABEL   MAX  URL\nLab     9.5  u1\n試験 2  100  -\né         -  u3\n");
    }

    #[test]
    fn later_pages_keep_to_the_columns_and_have_no_headings() {
        let mut table = Table::new([Column::text("A", 10), Column::text("B", 10)]);
        assert_eq!(table.page([]), "");
        assert_eq!(table.page([row(["wide one", "x"])]), "A         B\nwide one  x\n");
        assert_eq!(table.page([]), "");
        assert_eq!(table.page([row(["y", "z"])]), "y         z\n");
    }

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(shortened("abcdef".to_owned(), 6), "abcdef");
        assert_eq!(shortened("abcdefg".to_owned(), 6), "abcde…");
        assert_eq!(shortened("試験試験".to_owned(), 6), "試験…");
    }
}
