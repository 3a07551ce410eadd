//! Scatter plots of readings: one point for each row.

use serde::Serialize;

use crate::ReportError;
use crate::plot::{extent, finite};

/// Rows as points, such as texts along two directions, with the class of each if they have one.
///
/// A point is a reading: what one row gave, no statistic and no estimate, so it carries no interval.
/// A picture of points shows where they lie and no more; that classes lie apart, or that the two axes go together, is a
/// claim on rows not seen, and belongs into [`Report::estimate`](crate::Report::estimate).
/// Axes that were chosen for telling these very points apart will show them apart, in noise too.
///
/// ```
/// use isinglass_report::ScatterPlot;
///
/// let plot = ScatterPlot::new("projections", "Texts along the direction")
///     .x_label("projection on the direction")
///     .y_label("tokens")
///     .class("went well", [(1.2, 14.0), (0.8, 11.0)])
///     .class("went badly", [(-0.9, 12.0)]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScatterPlot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) classes: Vec<Class>,
}

/// The points of one colour and shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Class {
    /// None for points that have no class.
    pub(crate) label: Option<String>,
    pub(crate) points: Vec<[f64; 2]>,
}

impl ScatterPlot {
    /// An empty plot; `name` becomes part of the file name `<report>.<name>.svg`.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            classes: Vec::new(),
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

    /// Adds points of no class.
    #[must_use]
    pub fn points(self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.add(None, points)
    }

    /// Adds the points of a class, in a colour and a shape of their own.
    #[must_use]
    pub fn class(self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.add(Some(label.into()), points)
    }

    fn add(mut self, label: Option<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.classes.push(Class { label, points: points.into_iter().map(|(x, y)| [x, y]).collect() });
        self
    }

    /// Checks that there is something to draw and that it has a place on the axes.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        if self.classes.iter().all(|class| class.points.is_empty()) {
            return Err(ReportError::EmptyPlot { plot: self.name.clone() });
        }
        self.classes.iter().try_for_each(|class| {
            let part = class.label.as_deref().unwrap_or("points");
            class.points.iter().flatten().try_for_each(|&value| finite(&self.name, part, value))
        })
    }

    /// The range along an axis, 0 for x and 1 for y.
    pub(crate) fn extent(&self, axis: usize) -> [f64; 2] {
        extent(self.classes.iter().flat_map(|class| &class.points).map(|point| point[axis]))
    }
}
