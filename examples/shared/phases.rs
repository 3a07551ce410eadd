//! The phases of the tripartite study, as the examples run them: each keeps what it found and goes on where it was.
#![allow(dead_code, reason = "each example uses some of it")]

use std::cell::RefCell;
use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use isinglass::studies::tripartite::{
    Claim, Config, Data, Extraction, Kept, Pool, Probed, SWEPT, Sample, Samples, Set, Validated, probe, probe_report,
    provenance, settings, validate, validation_report, verdicts,
};

use crate::cli;

/// How the statistics are computed.
#[derive(Debug, Clone, Args)]
pub(crate) struct StatisticsArgs {
    /// Seed of folds, shuffles, resamples and clusters
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folds over scenarios
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Shuffles of the labels behind each p: with 200 no p is below 0.005; 1000 take about five times as long
    #[arg(long, default_value_t = 200)]
    permutations: usize,
    /// Bootstrap resamples of scenarios behind each interval
    #[arg(long, default_value_t = 1000)]
    resamples: usize,
}

impl StatisticsArgs {
    pub(crate) fn config(&self) -> Config {
        let Self { seed, folds, permutations, resamples } = *self;
        Config { seed, folds, permutations, resamples }
    }
}

/// Where a model's activations and results are.
pub(crate) fn folder(out: &Path, model: &str) -> PathBuf {
    let name: String = model
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(model)
        .chars()
        .map(|c| if c == '@' { '-' } else { c })
        .collect();
    out.join(name)
}

/// The first phase.
pub(crate) fn extract(
    arguments: &cli::ModelArgs,
    data: &Data,
    extraction: &Extraction,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    let model = arguments.load()?;
    for set in Set::ALL {
        let bar = cli::progress(data.texts(set).len(), set.folder());
        let moved = RefCell::new(bar.clone());
        let store = extraction.run(&model, &arguments.device, data, set, folder, |progress| {
            moved.borrow_mut().set_position(progress.texts as u64);
        })?;
        bar.finish_and_clear();
        eprintln!("{}: {} rows of {} sites", store.folder().display(), store.len(), store.sites().count());
    }
    Ok(())
}

/// The second phase: computed, or read if it was before. Its report is written each time.
#[expect(clippy::result_large_err, reason = "an error of the study, once in a run")]
pub(crate) fn probed(data: &Data, folder: &Path, config: &Config) -> Result<(Probed, PathBuf), Box<dyn Error>> {
    let kept = Kept::in_folder(folder, settings(data, folder, config)?);
    let found = kept.get("probed", || {
        let triplets = Sample::read(data, Set::Triplets, folder, &SWEPT, None)?;
        let register = Sample::read(data, Set::Register, folder, &SWEPT, None)?;
        let bar = cli::progress(SWEPT.len() * (2 + triplets.pairs().len()), "questions, every layer");
        let found = probe(&triplets, &register, config, &mut |done, _| bar.set_position(done as u64));
        bar.finish_and_clear();
        found
    })?;
    let report = probe_report(provenance(data, folder, config)?, &found);
    Ok((found, report.write(folder)?.markdown))
}

/// The third phase, after the second; each check is kept.
pub(crate) fn validated(
    data: &Data,
    folder: &Path,
    config: &Config,
    layer: Option<usize>,
) -> Result<(Validated, Vec<Claim>, PathBuf), Box<dyn Error>> {
    let mut settings = settings(data, folder, config)?;
    let found: Probed = Kept::in_folder(folder, settings.clone()).expect("probed", "tripartite_probe")?;
    let samples = Samples::read(data, folder, layer)?;
    let site = samples.triplets.layer(Pool::Response, 1)?.name().to_owned();
    settings["site"] = site.clone().into();
    let kept = Kept::in_folder(folder.join("checks"), settings);
    let bar = cli::progress(14, "checks");
    let checked = validate(&samples, config, &kept, &mut |done, _| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let claims = verdicts(&found, &checked);
    let provenance = provenance(data, folder, config)?.setting("site", site);
    let report = validation_report(provenance, &checked, &claims);
    Ok((checked, claims, report.write(folder)?.markdown))
}
