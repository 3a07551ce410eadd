//! The report for programs.

use serde::Serialize;

use crate::report::Section;
use crate::{Origin, Provenance, Report, ReportError};

/// Changes whenever a reader of the old form would be wrong.
const SCHEMA: &str = "isinglass.report/1";

/// The JSON file, in the order in which a person would read it.
#[derive(Serialize)]
struct File<'a> {
    schema: &'static str,
    name: &'a str,
    title: &'a str,
    origin: Origin,
    provenance: &'a Provenance,
    includes: &'a [Provenance],
    sections: &'a [Section],
}

pub(crate) fn render(report: &Report) -> Result<String, ReportError> {
    let file = File {
        schema: SCHEMA,
        name: &report.name,
        title: &report.title,
        origin: report.provenance.origin(),
        provenance: &report.provenance,
        includes: &report.includes,
        sections: &report.sections,
    };
    let mut json = serde_json::to_string_pretty(&file)
        .map_err(|source| ReportError::Encode { report: report.name.clone(), source })?;
    json.push('\n');
    Ok(json)
}
