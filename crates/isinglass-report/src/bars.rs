//! Bar plots whose whiskers come from the estimates they draw.

use isinglass_stats::Estimate;
use serde::Serialize;

use crate::ReportError;
use crate::plot::{Reference, extent, finite, heights};

/// Estimates side by side, such as one AUROC for each condition and method.
///
/// Each bar has a whisker made of its estimate's own interval; an estimate without one gets a bar alone.
/// Bars start at 0, since it is their lengths that are compared.
///
/// Whether two bars differ cannot be read off their whiskers: intervals that overlap do not rule a difference out, and
/// the same rows make for paired comparisons, which no whisker shows; estimate the difference itself.
///
/// ```
/// use isinglass_report::BarPlot;
/// use isinglass_stats::auroc_delong;
///
/// let estimate = auroc_delong(&[0.1, 0.4, 0.35, 0.8, 0.7], &[false, false, true, true, true])?;
/// let plot = BarPlot::new("auroc_by_tone", "AUROC by tone")
///     .x_label("tone")
///     .y_label("AUROC")
///     .y_range(0.0, 1.0)
///     .reference(0.5, "chance")
///     .series("logistic probe", [("polite", estimate.clone()), ("blunt", estimate.clone())])
///     .series("words", [("blunt", estimate)]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BarPlot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) y_range: Option<[f64; 2]>,
    pub(crate) reference: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) further_references: Vec<Reference>,
    pub(crate) groups: Vec<String>,
    pub(crate) series: Vec<BarSeries>,
}

/// The bars of one colour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct BarSeries {
    pub(crate) label: String,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Bar {
    pub(crate) group: String,
    pub(crate) y: Estimate,
}

impl BarPlot {
    /// An empty plot; `name` becomes part of the file name `<report>.<name>.svg`.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            y_range: None,
            reference: None,
            further_references: Vec::new(),
            groups: Vec::new(),
            series: Vec::new(),
        }
    }

    /// What the groups are.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// What the vertical axis shows, with its unit.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// What the vertical axis reaches over at least; it grows where data lie outside, and to 0.
    #[must_use]
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some([low, high]);
        self
    }

    /// Draws a dashed line at the height `y`, beside those that were drawn before.
    #[must_use]
    pub fn reference(mut self, y: f64, label: impl Into<String>) -> Self {
        let line = Reference { y, label: label.into() };
        if self.reference.is_none() {
            self.reference = Some(line);
        } else {
            self.further_references.push(line);
        }
        self
    }

    /// Every dashed line.
    pub(crate) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.reference.iter().chain(&self.further_references)
    }

    /// Adds bars of one colour, at most one for each group; groups stand in the order in which they are first named,
    /// and a series may leave some out.
    #[must_use]
    pub fn series<G: Into<String>>(
        mut self,
        label: impl Into<String>,
        bars: impl IntoIterator<Item = (G, Estimate)>,
    ) -> Self {
        let bars: Vec<Bar> = bars.into_iter().map(|(group, y)| Bar { group: group.into(), y }).collect();
        for bar in &bars {
            if !self.groups.contains(&bar.group) {
                self.groups.push(bar.group.clone());
            }
        }
        self.series.push(BarSeries { label: label.into(), bars });
        self
    }

    /// Checks that there is something to draw, and one place for each bar.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        if self.groups.is_empty() {
            return Err(ReportError::EmptyPlot { plot: self.name.clone() });
        }
        for series in &self.series {
            for (index, bar) in series.bars.iter().enumerate() {
                if series.bars[..index].iter().any(|earlier| earlier.group == bar.group) {
                    return Err(ReportError::DuplicateBar {
                        plot: self.name.clone(),
                        series: series.label.clone(),
                        group: bar.group.clone(),
                    });
                }
            }
        }
        self.heights().try_for_each(|(part, value)| finite(&self.name, part, value))
    }

    /// The range of y over everything that is drawn, 0 among it.
    pub(crate) fn y_extent(&self) -> [f64; 2] {
        extent(self.heights().map(|(_, y)| y).chain([0.0]))
    }

    fn heights(&self) -> impl Iterator<Item = (&str, f64)> {
        let bars = self.series.iter().flat_map(|s| s.bars.iter().map(|bar| (s.label.as_str(), &bar.y)));
        heights(bars, self.references(), self.y_range)
    }
}
