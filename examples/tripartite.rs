//! Tripartite empathy, end to end: activations, probes, checks and verdicts of one or several models.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/phases.rs"]
mod phases;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::prelude::*;
use isinglass::studies::tripartite::{Data, Extraction, compared, provenance};

/// Ask whether a model tells cognitive, affective and instrumental empathy apart, and whether that is more than words.
///
/// Runs the three phases (`tripartite_extract`, `tripartite_probe`, `tripartite_validate`) for each model and puts all of them
/// into one report. What is done already is not done again.
#[derive(Debug, Parser)]
#[command(after_help = "Example: tripartite --model default --model org/name --out out/tripartite")]
struct Arguments {
    /// As in the other examples; may be given several times
    #[arg(long, default_value = "default")]
    model: Vec<String>,
    /// `cpu`; `wgpu` or `cuda` if built with that feature
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Folder of the data sets
    #[arg(long, default_value = "datasets")]
    data: PathBuf,
    /// Folder for the report, in which each model gets one
    #[arg(long, default_value = "out/tripartite")]
    out: PathBuf,
    /// How activations are kept: `f32`, `bf16` or `f16`
    #[arg(long, default_value_t = Precision::F32)]
    dtype: Precision,
    #[command(flatten)]
    statistics: phases::StatisticsArgs,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let data = Data::open(&arguments.data)?;
    let config = arguments.statistics.config();
    let extraction = Extraction { precision: arguments.dtype, ..Extraction::default() };
    let mut models = Vec::new();
    for model in &arguments.model {
        let folder = phases::folder(&arguments.out, model);
        let model = cli::ModelArgs { model: model.clone(), device: arguments.device.clone() };
        phases::extract(&model, &data, &extraction, &folder)?;
        let (found, _) = phases::probed(&data, &folder, &config)?;
        let (checked, claims, report) = phases::validated(&data, &folder, &config, None)?;
        println!("{}", report.display());
        for claim in &claims {
            println!("  {:<14} {}", claim.verdict, claim.claim);
        }
        models.push((provenance(&data, &folder, &config)?, found, checked, claims));
    }
    let written = compared("Three kinds of empathy: words or more?", &models)?.write(&arguments.out)?;
    println!("\nreport: {}", written.markdown.display());
    Ok(())
}
