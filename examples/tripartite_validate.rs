//! Tripartite empathy, third phase: what else could explain it, and what may be claimed.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/phases.rs"]
mod phases;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::studies::tripartite::Data;

/// Check one layer: cosines and their floor, d' held out, length, formality, quarters, clusters, topics, controls; then the
/// verdicts.
///
/// Reads what `tripartite_probe` has left; no model is loaded. Each check is kept, so a run that was stopped goes on.
#[derive(Debug, Parser)]
struct Arguments {
    /// The model's folder, as `tripartite_extract` printed it
    #[arg(default_value = "out/tripartite/default")]
    folder: PathBuf,
    /// Folder of the data sets
    #[arg(long, default_value = "datasets")]
    data: PathBuf,
    /// The layer, 0 being the embeddings; the middle one unless said, which nobody chose for its numbers
    #[arg(long)]
    layer: Option<usize>,
    #[command(flatten)]
    statistics: phases::StatisticsArgs,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let data = Data::open(&arguments.data)?;
    let config = arguments.statistics.config();
    let (_, claims, report) = phases::validated(&data, &arguments.folder, &config, arguments.layer)?;
    for claim in &claims {
        println!("{:<14} {}", claim.verdict, claim.claim);
    }
    println!("\nreport: {}", report.display());
    Ok(())
}
