//! Tripartite empathy, first phase: activations of every layer for the four data sets.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/phases.rs"]
mod phases;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::prelude::*;
use isinglass::studies::tripartite::{Data, Extraction};

/// Run a model over empathy triplets and their controls, and keep every layer's activations.
///
/// One pass over 920 texts; a row for the last token, the mean over the response and its quarters. Stopped and started again,
/// it goes on where it was.
#[derive(Debug, Parser)]
#[command(after_help = "Next: tripartite_probe OUT/MODEL")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// Folder of the data sets
    #[arg(long, default_value = "datasets")]
    data: PathBuf,
    /// Folder in which the model gets one
    #[arg(long, default_value = "out/tripartite")]
    out: PathBuf,
    /// How values are kept: `f32`, `bf16` or `f16`
    #[arg(long, default_value_t = Precision::F32)]
    dtype: Precision,
    /// Memory that a batch may take, in MiB
    #[arg(long, default_value_t = 128)]
    batch_mib: u64,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let data = Data::open(&arguments.data)?;
    let folder = phases::folder(&arguments.out, &arguments.model.model);
    let extraction = Extraction { precision: arguments.dtype, batch_bytes: arguments.batch_mib << 20 };
    phases::extract(&arguments.model, &data, &extraction, &folder)?;
    println!("{}", folder.display());
    Ok(())
}
