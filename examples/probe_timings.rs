//! How long probes take: a cross-validated logistic regression, and its null over many layers.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use isinglass::formats::{Safetensors, TensorFile};
use isinglass::prelude::*;
use isinglass::probe::out_of_fold;
use isinglass::stats::{Folds, auroc};
use serde_json::json;

/// Time logistic probes on rows from a file: once cross-validated, or with shuffled labels as one of many layers.
///
/// The file (safetensors) holds `x` [rows, width], `y` (0 or 1 for each row) and `fold` (the fold that tests each row).
/// `cv` prints seconds of each repetition, the AUROC of each fold, and the weights of each fold's probe (in the rows' units,
/// then the intercept); `null` the seconds of all shuffles, folds and layers. `benches/vs_python/probes.py` runs it beside
/// scikit-learn.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to time: cv or null
    case: String,
    /// The file with the rows
    #[arg(long)]
    data: PathBuf,
    /// Weight of the losses against the penalty
    #[arg(long, default_value_t = 1.0)]
    c: f64,
    /// Length of the gradient, over C times the rows, at which a fit is done
    #[arg(long, default_value_t = 1e-8)]
    tolerance: f64,
    /// Times `cv` is run, after one that does not count
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Shuffles of the labels in `null`
    #[arg(long, default_value_t = 1000)]
    permutations: usize,
    /// Layers in `null`: the same rows each time
    #[arg(long, default_value_t = 30)]
    layers: usize,
    /// Seed of the shuffles
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let file = Safetensors::open(&arguments.data)?;
    let x = file.get("x")?;
    let &[n, width] = x.shape() else { return Err(format!("`x` has shape {:?}, not [rows, width]", x.shape()).into()) };
    let features = Features::new("x", width, x.to_f32()?.into_iter().map(f64::from).collect())?;
    let labels = Labels::of_independent_rows(file.get("y")?.to_i64()?.into_iter().map(|y| y as usize).collect())?;
    let fold = file.get("fold")?.to_i64()?;
    let n_folds = fold.iter().max().map_or(0, |last| last + 1);
    let tests: Vec<Vec<usize>> = (0..n_folds).map(|f| (0..n).filter(|&row| fold[row] == f).collect()).collect();
    let folds = Folds::from_test(&tests, n)?;
    let probe = Logistic::l2(arguments.c).tolerance(arguments.tolerance);
    match arguments.case.as_str() {
        "cv" => cross_validated(arguments, &probe, &features, &labels, &tests, &folds),
        "null" => with_null(arguments, &probe, &features, &labels, &folds),
        other => Err(format!("there is no case `{other}`: cv or null").into()),
    }
}

fn cross_validated(
    arguments: &Arguments,
    probe: &Logistic,
    features: &Features,
    labels: &Labels,
    tests: &[Vec<usize>],
    folds: &Folds,
) -> cli::Outcome {
    let (mut seconds, mut aurocs) = (Vec::new(), Vec::new());
    for _ in 0..=arguments.repeats {
        let start = Instant::now();
        let scores = out_of_fold(probe, features, labels, folds)?;
        let of = |rows: &Vec<usize>| -> (Vec<f64>, Vec<bool>) {
            rows.iter().map(|&row| (scores[row], labels.classes()[row] == 1)).unzip()
        };
        aurocs = tests.iter().map(of).map(|(scores, labels)| auroc(&scores, &labels)).collect::<Result<_, _>>()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut weights = Vec::new();
    for (train, _) in folds {
        let classes = train.iter().map(|&row| labels.classes()[row]).collect();
        let fitted = probe.fit(&features.rows(&train), &Labels::of_independent_rows(classes)?)?;
        weights.push([&fitted.weights[0][..], &fitted.intercepts].concat());
    }
    println!("{}", json!({ "case": "cv", "seconds": seconds[1..], "aurocs": aurocs, "weights": weights }));
    Ok(())
}

fn with_null(
    arguments: &Arguments,
    probe: &Logistic,
    features: &Features,
    labels: &Labels,
    folds: &Folds,
) -> cli::Outcome {
    let layers = vec![features.clone(); arguments.layers];
    let start = Instant::now();
    let asked = CrossFit::new(probe).permutations(arguments.permutations).seed(arguments.seed);
    let found = asked.run_on(folds, &layers, labels, &Baselines::left_out("there are no texts"))?;
    let seconds = start.elapsed().as_secs_f64();
    let fits = (arguments.permutations + 1) * folds.n_folds() * arguments.layers;
    let p = found.probes[0].auroc.p().map(isinglass::stats::PValue::value);
    println!(
        "{}",
        json!({ "case": "null", "seconds": seconds, "fits": fits, "auroc": found.probes[0].auroc.value(), "p": p })
    );
    Ok(())
}
