//! A report: sections under a provenance, written as four kinds of file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use isinglass_stats::Estimate;
use serde::Serialize;

use crate::{
    BarPlot, HeatMap, LinePlot, Provenance, ReportError, RocPlot, ScatterPlot, Table, html, json, markdown, svg,
};

/// Results under one provenance, written as `<name>.json`, `<name>.md`, `<name>.html` and one `<name>.<plot>.svg` for
/// each plot.
///
/// The JSON is for programs (its fields are in docs/REPORT.md), the Markdown shows the plots beside it, and the HTML is
/// one file that needs nothing else: its plots are within, it has no script and fetches nothing.
///
/// Sections appear in the order in which they were added.
/// The same report gives the same bytes: there is no clock and no machine in it.
/// A report whose origin is synthetic says so in every file.
///
/// A report repeats what it is given: it cannot know whether an estimate fits its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) provenance: Provenance,
    pub(crate) includes: Vec<Provenance>,
    pub(crate) sections: Vec<Section>,
}

/// One part of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Section {
    Estimates { estimates: Vec<LabelledEstimate> },
    Table(Table),
    Lines(LinePlot),
    Bars(BarPlot),
    Scatter(ScatterPlot),
    Roc(RocPlot),
    Heat(HeatMap),
    Samples { heading: String, samples: Vec<Sample> },
    Note { text: String },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LabelledEstimate {
    pub(crate) label: String,
    pub(crate) estimate: Estimate,
}

/// A text that a model wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sample {
    pub(crate) label: String,
    pub(crate) text: String,
}

/// The files of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Everything, for programs.
    pub json: PathBuf,
    /// Everything, for people.
    pub markdown: PathBuf,
    /// Everything and the plots in one file, for people.
    pub html: PathBuf,
    /// The plots, in their order.
    pub plots: Vec<PathBuf>,
}

impl Report {
    /// An empty report; `name` becomes the name of its files.
    pub fn new(name: impl Into<String>, title: impl Into<String>, provenance: Provenance) -> Self {
        Self { name: name.into(), title: title.into(), provenance, includes: Vec::new(), sections: Vec::new() }
    }

    /// Lists another artefact that went into this report, such as an earlier run that it compares with.
    ///
    /// Tables, plots and estimates carry no origin of their own: what they were computed from is said here, and a report
    /// has one origin for all of them.
    ///
    /// # Errors
    ///
    /// [`ReportError::MixedOrigins`] if one is measured and the other synthetic.
    ///
    /// ```
    /// use isinglass_report::{Origin, Provenance, Report, ReportError};
    ///
    /// let report = Report::new("study", "A study", Provenance::new("SmolLM2", "5af5", Origin::Measured));
    /// let toy = Provenance::new("toy", "0000", Origin::Synthetic);
    /// assert!(matches!(report.include(&toy), Err(ReportError::MixedOrigins { .. })));
    /// ```
    pub fn include(mut self, other: &Provenance) -> Result<Self, ReportError> {
        if other.origin() != self.provenance.origin() {
            return Err(ReportError::MixedOrigins {
                report: self.name,
                origin: self.provenance.origin(),
                model: other.subject().to_owned(),
                other: other.origin(),
            });
        }
        self.includes.push(other.clone());
        Ok(self)
    }

    /// Adds an estimate; those added one after the other share a table.
    #[must_use]
    pub fn estimate(mut self, label: impl Into<String>, estimate: &Estimate) -> Self {
        let labelled = LabelledEstimate { label: label.into(), estimate: estimate.clone() };
        if let Some(Section::Estimates { estimates }) = self.sections.last_mut() {
            estimates.push(labelled);
            self
        } else {
            self.section(Section::Estimates { estimates: vec![labelled] })
        }
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.section(Section::Table(table))
    }

    /// Adds a line plot, in a file of its own that the Markdown shows.
    #[must_use]
    pub fn lines(self, plot: LinePlot) -> Self {
        self.section(Section::Lines(plot))
    }

    /// Adds a bar plot, in a file of its own that the Markdown shows.
    #[must_use]
    pub fn bars(self, plot: BarPlot) -> Self {
        self.section(Section::Bars(plot))
    }

    /// Adds a scatter plot, in a file of its own that the Markdown shows.
    #[must_use]
    pub fn scatter(self, plot: ScatterPlot) -> Self {
        self.section(Section::Scatter(plot))
    }

    /// Adds ROC curves, in a file of their own that the Markdown shows.
    #[must_use]
    pub fn roc(self, plot: RocPlot) -> Self {
        self.section(Section::Roc(plot))
    }

    /// Adds a heat map, in a file of its own that the Markdown shows.
    #[must_use]
    pub fn heat(self, map: HeatMap) -> Self {
        self.section(Section::Heat(map))
    }

    /// Adds texts that a model wrote, each with a label; they are shown as they are, never as Markdown.
    #[must_use]
    pub fn samples<L: Into<String>, T: Into<String>>(
        self,
        heading: impl Into<String>,
        samples: impl IntoIterator<Item = (L, T)>,
    ) -> Self {
        let samples =
            samples.into_iter().map(|(label, text)| Sample { label: label.into(), text: text.into() }).collect();
        self.section(Section::Samples { heading: heading.into(), samples })
    }

    /// Adds a paragraph of Markdown; a model's words belong into [`samples`](Self::samples).
    #[must_use]
    pub fn note(self, text: impl Into<String>) -> Self {
        self.section(Section::Note { text: text.into() })
    }

    fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Writes the files into `dir`, which is created if need be, and replaces those of an earlier run.
    ///
    /// Everything is rendered before the first file is touched, and each file appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ReportError::BadName`], [`ReportError::DuplicatePlot`], [`ReportError::EmptyPlot`],
    /// [`ReportError::NotFinite`], [`ReportError::NotPositive`], [`ReportError::DuplicateBar`],
    /// [`ReportError::CurveLengths`], [`ReportError::NotARoc`] or [`ReportError::RaggedTable`] for what cannot be shown,
    /// [`ReportError::Draw`] or [`ReportError::Encode`] if rendering fails, [`ReportError::Write`] if the file system
    /// refuses.
    pub fn write(&self, dir: impl AsRef<Path>) -> Result<Written, ReportError> {
        let dir = dir.as_ref();
        self.check()?;
        let mut pictures = BTreeMap::new();
        for plot in self.plots() {
            pictures.insert(plot.name(), svg::draw(plot, &self.provenance)?);
        }
        let file = |ending: &str| dir.join(format!("{}.{ending}", self.name));
        let (json, markdown, html) = (file("json"), file("md"), file("html"));
        let texts =
            [(&json, json::render(self)?), (&markdown, markdown::render(self)), (&html, html::render(self, &pictures))];
        let plots: Vec<PathBuf> = self.plots().map(|plot| dir.join(self.plot_file(plot.name()))).collect();

        let write = |path: &Path, content: &str| {
            write_whole(dir, path, content).map_err(|source| ReportError::Write { path: path.to_owned(), source })
        };
        std::fs::create_dir_all(dir).map_err(|source| ReportError::Write { path: dir.to_owned(), source })?;
        self.plots().zip(&plots).try_for_each(|(plot, path)| write(path, &pictures[plot.name()]))?;
        texts.iter().try_for_each(|(path, content)| write(path, content))?;
        Ok(Written { json, markdown, html, plots })
    }

    /// The file of a plot, relative to the report.
    pub(crate) fn plot_file(&self, plot: &str) -> String {
        format!("{}.{plot}.svg", self.name)
    }

    fn plots(&self) -> impl Iterator<Item = Plot<'_>> {
        self.sections.iter().filter_map(|section| match section {
            Section::Lines(plot) => Some(Plot::Lines(plot)),
            Section::Bars(plot) => Some(Plot::Bars(plot)),
            Section::Scatter(plot) => Some(Plot::Scatter(plot)),
            Section::Roc(plot) => Some(Plot::Roc(plot)),
            Section::Heat(map) => Some(Plot::Heat(map)),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), ReportError> {
        check_name(&self.name)?;
        let mut names = BTreeSet::new();
        for plot in self.plots() {
            check_name(plot.name())?;
            // Some file systems take `A` and `a` for one.
            if !names.insert(plot.name().to_ascii_lowercase()) {
                return Err(ReportError::DuplicatePlot { plot: plot.name().to_owned() });
            }
            plot.check()?;
        }
        self.sections.iter().try_for_each(|section| match section {
            Section::Table(table) => table.check(),
            _ => Ok(()),
        })
    }
}

/// Whatever becomes an SVG file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plot<'a> {
    Lines(&'a LinePlot),
    Bars(&'a BarPlot),
    Scatter(&'a ScatterPlot),
    Roc(&'a RocPlot),
    Heat(&'a HeatMap),
}

impl<'a> Plot<'a> {
    pub(crate) fn name(self) -> &'a str {
        match self {
            Self::Lines(plot) => &plot.name,
            Self::Bars(plot) => &plot.name,
            Self::Scatter(plot) => &plot.name,
            Self::Roc(plot) => &plot.name,
            Self::Heat(map) => &map.name,
        }
    }

    pub(crate) fn title(self) -> &'a str {
        match self {
            Self::Lines(plot) => &plot.title,
            Self::Bars(plot) => &plot.title,
            Self::Scatter(plot) => &plot.title,
            Self::Roc(plot) => &plot.title,
            Self::Heat(map) => &map.title,
        }
    }

    fn check(self) -> Result<(), ReportError> {
        match self {
            Self::Lines(plot) => plot.check(),
            Self::Bars(plot) => plot.check(),
            Self::Scatter(plot) => plot.check(),
            Self::Roc(plot) => plot.check(),
            Self::Heat(map) => map.check(),
        }
    }
}

fn check_name(name: &str) -> Result<(), ReportError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(ReportError::BadName { name: name.to_owned() });
    }
    Ok(())
}

/// Writes beside the target and renames, so that no reader ever sees half a file.
fn write_whole(dir: &Path, path: &Path, content: &str) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default; a report is for others to read, as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
