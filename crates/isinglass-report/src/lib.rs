//! Results as JSON, Markdown, HTML and SVG under one provenance header.
//!
//! A [`Report`] takes [`Estimate`](isinglass_stats::Estimate)s and never a bare float, so a number in it was computed
//! and carries its interval and its count.
//! A [`HeatMap`] and a [`ScatterPlot`] show readings, which claim nothing beyond the one place they were read at.
//! Its [`Provenance`] heads every file that it writes, and synthetic data say so in each of them.
//!
//! ```
//! use isinglass_report::{DataSource, LinePlot, Origin, Provenance, Report};
//! use isinglass_stats::auroc_delong;
//!
//! let provenance = Provenance::new("SmolLM2-135M-Instruct", "5af571cb", Origin::Measured)
//!     .data(DataSource { name: "pairs.jsonl".into(), sha256: "0c1d".into(), licence: "CC0-1.0".into() })
//!     .seed(7)
//!     .setting("layers", 30);
//!
//! let estimate = auroc_delong(&[0.1, 0.4, 0.35, 0.8, 0.7], &[false, false, true, true, true])?;
//! let plot = LinePlot::new("auroc_by_layer", "AUROC by layer")
//!     .x_label("layer")
//!     .y_label("AUROC")
//!     .reference(0.5, "chance")
//!     .series("mass-mean probe", [(12.0, estimate.clone())]);
//!
//! let folder = tempfile::tempdir()?;
//! let written = Report::new("pairs", "Can the layers tell the pairs apart?", provenance)
//!     .estimate("layer 12", &estimate)
//!     .lines(plot)
//!     .note("An AUROC compares the order of scores.")
//!     .write(folder.path())?;
//! assert!(written.markdown.ends_with("pairs.md"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bars;
mod document;
mod error;
mod escape;
mod heat;
mod html;
mod json;
mod markdown;
mod plot;
mod provenance;
mod report;
mod roc;
mod scatter;
mod svg;
mod table;

pub use bars::BarPlot;
pub use error::ReportError;
pub use heat::HeatMap;
pub use plot::{LinePlot, NullBand};
pub use provenance::{DataSource, Origin, Provenance};
pub use report::{Report, Written};
pub use roc::RocPlot;
pub use scatter::ScatterPlot;
pub use table::{Cell, Table};
