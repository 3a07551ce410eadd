//! Tripartite empathy, second phase: which layers tell the kinds apart.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/phases.rs"]
mod phases;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::studies::tripartite::Data;

/// Probe every layer for the three kinds of empathy, every two of them, and formality beside them.
///
/// Reads what `tripartite_extract` has left; no model is loaded. Writes JSON, Markdown, HTML and SVG into the same folder.
#[derive(Debug, Parser)]
#[command(after_help = "Next: tripartite_validate FOLDER")]
struct Arguments {
    /// The model's folder, as `tripartite_extract` printed it
    #[arg(default_value = "out/tripartite/default")]
    folder: PathBuf,
    /// Folder of the data sets
    #[arg(long, default_value = "datasets")]
    data: PathBuf,
    #[command(flatten)]
    statistics: phases::StatisticsArgs,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let data = Data::open(&arguments.data)?;
    let (found, report) = phases::probed(&data, &arguments.folder, &arguments.statistics.config())?;
    for sweep in found.three_way.iter().chain(&found.pairs).chain(&found.formality) {
        println!("{:<28} {:<24} layer {:>2}: {}", sweep.what, sweep.pool, sweep.middle_layer, sweep.middle.auroc);
        println!("{:<53} lead over words and the like: {}", "", sweep.middle.lead);
    }
    println!("\nreport: {}", report.display());
    Ok(())
}
