//! Line plots whose bands come from the estimates they draw.

use std::cmp::Ordering;

use isinglass_stats::{Estimate, PermutationNull, StatsError};
use serde::Serialize;

use crate::ReportError;

/// Estimates over an axis, such as one AUROC per layer.
///
/// Each series is a line with a band made of the estimates' own intervals; a point whose estimate has no interval is
/// drawn without one.
/// Series, band and reference line are labelled beside their right end.
///
/// A band holds for each point by itself: it is no statement on the whole curve, nor on the best point of many (see
/// [`PermutationNull::max_over`] for that).
///
/// ```
/// use isinglass_report::{LinePlot, NullBand};
/// use isinglass_stats::{PermutationNull, auroc_delong};
///
/// let estimate = auroc_delong(&[0.1, 0.4, 0.35, 0.8, 0.7], &[false, false, true, true, true])?;
/// let null = PermutationNull::from_values(vec![0.4, 0.5, 0.6], "label flips within pairs")?;
/// let plot = LinePlot::new("auroc_by_layer", "AUROC by layer")
///     .x_label("layer")
///     .y_label("AUROC")
///     .y_range(0.0, 1.0)
///     .reference(0.5, "chance")
///     .null_band(NullBand::central("95 % of label flips", 0.95, [(0.0, &null), (29.0, &null)])?)
///     .series("logistic probe", [(0.0, estimate.clone()), (29.0, estimate)]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinePlot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) y_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) log_axes: bool,
    pub(crate) reference: Option<Reference>,
    pub(crate) null_band: Option<NullBand>,
    pub(crate) series: Vec<Series>,
}

/// A labelled line, ascending in x.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: Estimate,
}

/// A level to compare with, such as chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reference {
    pub(crate) y: f64,
    pub(crate) label: String,
}

impl LinePlot {
    /// An empty plot; `name` becomes part of the file name `<report>.<name>.svg`.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            y_range: None,
            log_axes: false,
            reference: None,
            null_band: None,
            series: Vec::new(),
        }
    }

    /// What the horizontal axis shows, with its unit.
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

    /// What the vertical axis reaches over at least; it grows where data lie outside, so nothing is cut off.
    #[must_use]
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some([low, high]);
        self
    }

    /// Gives every doubling the same distance, on both axes: what grows like a power of x is a straight line.
    ///
    /// Every coordinate must be above 0.
    #[must_use]
    pub fn log_axes(mut self) -> Self {
        self.log_axes = true;
        self
    }

    /// Draws a dashed line at the height `y`.
    #[must_use]
    pub fn reference(mut self, y: f64, label: impl Into<String>) -> Self {
        self.reference = Some(Reference { y, label: label.into() });
        self
    }

    /// Draws in grey what chance alone gives.
    #[must_use]
    pub fn null_band(mut self, band: NullBand) -> Self {
        self.null_band = Some(band);
        self
    }

    /// Adds a line through these points, drawn from the least x to the greatest.
    #[must_use]
    pub fn series(mut self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, Estimate)>) -> Self {
        let mut points: Vec<Point> = points.into_iter().map(|(x, y)| Point { x, y }).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        self.series.push(Series { label: label.into(), points });
        self
    }

    /// Checks that there is something to draw and that it has a place on the axes.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        if self.series.iter().all(|series| series.points.is_empty()) {
            return Err(ReportError::EmptyPlot { plot: self.name.clone() });
        }
        for (part, value) in self.coordinates() {
            finite(&self.name, part, value)?;
            if self.log_axes && value <= 0.0 {
                return Err(ReportError::NotPositive { plot: self.name.clone(), part: part.to_owned(), value });
            }
        }
        Ok(())
    }

    /// The range of x over all series and bands.
    pub(crate) fn x_extent(&self) -> [f64; 2] {
        let series = self.series.iter().flat_map(|series| series.points.iter().map(|point| point.x));
        let band = self.null_band.iter().flat_map(|band| band.points.iter().map(|point| point.x));
        extent(series.chain(band))
    }

    /// The range of y over everything that is drawn.
    pub(crate) fn y_extent(&self) -> [f64; 2] {
        extent(self.heights().map(|(_, y)| y))
    }

    fn coordinates(&self) -> impl Iterator<Item = (&str, f64)> {
        let series = self.series.iter().flat_map(|s| s.points.iter().map(|point| (s.label.as_str(), point.x)));
        let band = self.null_band.iter().flat_map(|b| b.points.iter().map(|point| (b.label.as_str(), point.x)));
        series.chain(band).chain(self.heights())
    }

    fn heights(&self) -> impl Iterator<Item = (&str, f64)> {
        let points = self.series.iter().flat_map(|s| s.points.iter().map(|point| (s.label.as_str(), &point.y)));
        let band = self.null_band.iter().flat_map(|band| {
            band.points.iter().flat_map(|point| [point.low, point.high].map(|y| (band.label.as_str(), y)))
        });
        heights(points, self.reference.as_ref(), self.y_range).chain(band)
    }
}

/// What chance alone gives, as a band over the axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NullBand {
    pub(crate) label: String,
    pub(crate) level: f64,
    /// What was permuted, as the nulls themselves say; one entry if they agree.
    pub(crate) nulls: Vec<String>,
    pub(crate) points: Vec<BandPoint>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct BandPoint {
    pub(crate) x: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl NullBand {
    /// The band that holds the central share `level` (such as 0.95) of the permutations at each x.
    ///
    /// About `1 - level` of the points leave the band by chance; for the best of many sites give the null of the
    /// maximum at every x.
    ///
    /// # Errors
    ///
    /// [`StatsError::QuantileOutOfRange`] unless `level` lies between 0 and 1.
    pub fn central<'a>(
        label: impl Into<String>,
        level: f64,
        points: impl IntoIterator<Item = (f64, &'a PermutationNull)>,
    ) -> Result<Self, StatsError> {
        let mut band = Self { label: label.into(), level, nulls: Vec::new(), points: Vec::new() };
        for (x, null) in points {
            let low = null.quantile((1.0 - level) / 2.0)?;
            let high = null.quantile(f64::midpoint(1.0, level))?;
            band.points.push(BandPoint { x, low, high });
            if !band.nulls.iter().any(|how| how == null.how()) {
                band.nulls.push(null.how().to_owned());
            }
        }
        band.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Ok(band)
    }
}

/// A label with the counts of what it names: `probe (n = 80)`, `probe (n = 40 to 80)`.
pub(crate) fn counted(label: &str, counts: impl IntoIterator<Item = usize>) -> String {
    let n = n_of(counts);
    match (label.trim().is_empty(), n.is_empty()) {
        (_, true) => label.to_owned(),
        (true, false) => n,
        (false, false) => format!("{label} ({n})"),
    }
}

/// The counts as `n = 80` or `n = 40 to 80`; nothing if there are none.
pub(crate) fn n_of(counts: impl IntoIterator<Item = usize>) -> String {
    let (least, most) = counts.into_iter().fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
    match least.cmp(&most) {
        Ordering::Less => format!("n = {least} to {most}"),
        Ordering::Equal => format!("n = {least}"),
        Ordering::Greater => String::new(),
    }
}

/// Every height that a plot of estimates shows, with what it belongs to.
pub(crate) fn heights<'a>(
    estimates: impl Iterator<Item = (&'a str, &'a Estimate)>,
    references: impl IntoIterator<Item = &'a Reference>,
    range: Option<[f64; 2]>,
) -> impl Iterator<Item = (&'a str, f64)> {
    let estimates = estimates.flat_map(|(label, estimate)| {
        let ends = estimate.interval().map_or([estimate.value(); 2], |i| [i.low(), i.high()]);
        [estimate.value(), ends[0], ends[1]].map(|y| (label, y))
    });
    let references = references.into_iter().map(|reference| (reference.label.as_str(), reference.y));
    let range = range.into_iter().flatten().map(|y| ("y range", y));
    estimates.chain(references).chain(range)
}

/// Checks that a value has a place on an axis.
pub(crate) fn finite(plot: &str, part: &str, value: f64) -> Result<(), ReportError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(ReportError::NotFinite { plot: plot.to_owned(), part: part.to_owned(), value })
}

/// The least and the greatest of the values.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_their_counts() {
        let check = |label: &str, counts: &[usize], expected: &str| {
            assert_eq!(counted(label, counts.iter().copied()), expected);
        };
        check("probe", &[80, 80], "probe (n = 80)");
        check("probe", &[80, 40, 60], "probe (n = 40 to 80)");
        check("", &[3], "n = 3");
        check("probe", &[], "probe");
    }
}
