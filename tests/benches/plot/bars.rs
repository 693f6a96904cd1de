//! Bars with a name and a length each, drawn into the folder that `LTI_AGS_PLOTS` names, if it does.

use std::path::PathBuf;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) length: f64,
    /// Written behind it.
    pub(crate) told: String,
    pub(crate) ours: bool,
}

const WIDTH: i32 = 720;
const ROW: i32 = 30;
const TITLE: i32 = 44;
/// Of the names, before the bars, and of what is told behind the longest.
const NAMES: i32 = 210;
const TOLD: i32 = 150;

pub(crate) fn draw(name: &str, title: &str, bars: &[Bar]) {
    let Some(folder) = std::env::var_os("LTI_AGS_PLOTS").map(PathBuf::from) else { return };
    let file = folder.join(name).with_extension("svg");
    let height = TITLE + ROW * i32::try_from(bars.len()).unwrap() + 12;
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let area = SVGBackend::new(&file, size).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let font = |size| ("sans-serif", size).into_font().color(&BLACK);
    let write = |text: &str, at, style: &TextStyle<'_>| area.draw_text(text, style, at).unwrap();
    write(title, (12, 14), &font(17));

    let longest = bars.iter().map(|bar| bar.length).fold(0.0, f64::max);
    for (bar, row) in bars.iter().zip(0..) {
        let middle = TITLE + ROW * row + ROW / 2;
        #[expect(clippy::cast_possible_truncation, reason = "it is at most the width of the picture")]
        let length = (f64::from(WIDTH - NAMES - TOLD) * bar.length / longest).max(1.0) as i32;
        let colour = if bar.ours { RGBColor(214, 93, 14) } else { RGBColor(120, 130, 140) };
        let corners = [(NAMES, middle - 10), (NAMES + length, middle + 10)];
        area.draw(&Rectangle::new(corners, colour.filled())).unwrap();
        write(&bar.name, (NAMES - 8, middle), &font(14).pos(Pos::new(HPos::Right, VPos::Center)));
        write(&bar.told, (NAMES + length + 8, middle), &font(14).pos(Pos::new(HPos::Left, VPos::Center)));
    }
    area.present().unwrap();
}
