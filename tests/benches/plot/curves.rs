//! Curves over a logarithmic axis, drawn into the folder that `LTI_AGS_PLOTS` names, if it does.

use std::path::PathBuf;

use plotters::prelude::*;

/// What is drawn in one colour.
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) struct Plot<'a> {
    /// Of the file, without its ending.
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    pub(crate) curves: &'a [Curve<'a>],
}

impl Plot<'_> {
    pub(crate) fn draw(&self) {
        let Some(folder) = std::env::var_os("LTI_AGS_PLOTS").map(PathBuf::from) else { return };
        let file = folder.join(self.name).with_extension("svg");
        let backend = SVGBackend::new(&file, (720, 400));
        self.draw_on(&backend.into_drawing_area()).unwrap();
    }

    fn draw_on<'b>(
        &self,
        area: &DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let least = points().map(|point| point.0).fold(f64::MAX, f64::min);
        let most = points().map(|point| point.0).fold(0.0, f64::max);
        let top = points().map(|point| point.1).fold(0.0, f64::max);
        // From one on, it doubles.
        let base = if least > 1.0 { 10.0 } else { 2.0 };

        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d((least..most * 1.05).log_scale().base(base), 0.0..top * 1.15)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value}"))
            .draw()?;
        for (number, curve) in self.curves.iter().enumerate() {
            let style = Palette99::pick(number).stroke_width(2);
            let line = LineSeries::new(curve.points.iter().copied(), style).point_size(3);
            chart
                .draw_series(line)?
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        if self.curves.len() > 1 {
            let labels = &mut chart.configure_series_labels();
            labels.position(SeriesLabelPosition::LowerRight);
            labels.background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
        }
        area.present()
    }
}
