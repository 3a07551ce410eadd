//! How long a model takes: passes of several kinds, and generation.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cases.rs"]
mod cases;
#[path = "shared/cli.rs"]
mod cli;

use std::process::ExitCode;
use std::time::Instant;

use cases::{Case, Inputs, Numbers, Sizes};
use clap::Parser;
use isinglass::prelude::*;
use serde_json::json;

/// Time a model: prefill with all logits or the last, activations without logits, texts of many lengths, decoding.
///
/// Prints one JSON line for each case. `benches/vs_python` runs it in turn with what it is compared with, through
/// `--serve`; its `peer.py` says what each case is.
#[derive(Debug, Parser)]
#[command(after_help = "Example: timings --model path/to/model --case last --tokens 512 --repeats 5")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// Only the cases with this in their name
    #[arg(long, default_value = "")]
    case: String,
    #[command(flatten)]
    sizes: Sizes,
    /// Times each case is run, after one that does not count
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Run the case named on each line of standard input once, and answer each with a JSON line
    #[arg(long, conflicts_with_all = ["case", "repeats"])]
    serve: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let sizes = &arguments.sizes;
    if [arguments.repeats, sizes.tokens, sizes.new_tokens, sizes.texts].contains(&0) {
        return Err("--repeats, --tokens, --new-tokens and --texts must be 1 at least".into());
    }
    let start = Instant::now();
    let model = arguments.model.load()?;
    let load = start.elapsed().as_secs_f64();
    // A file may be mapped and read only when its weights are used.
    model.run_last(&TokenBatch::one(Numbers::new().ids(1, model.spec().vocab))?, ())?.into_data();
    let first = start.elapsed().as_secs_f64();
    let name = &model.spec().name;
    println!("{}", json!({ "case": "load", "model": name, "best_s": load, "with_first_pass_s": first }));
    let inputs = Inputs::new(&model, sizes)?;
    let cases = inputs.cases(&model);
    if arguments.serve {
        return serve(&cases);
    }
    for case in cases.iter().filter(|case| case.name.contains(&arguments.case)) {
        let bar = cli::progress(arguments.repeats + 1, "passes");
        let mut seconds = Vec::new();
        for _ in 0..=arguments.repeats {
            seconds.push(timed(case)?.0);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut counted = seconds.split_off(1);
        counted.sort_by(f64::total_cmp);
        let (best, median) = (counted[0], counted[counted.len() / 2]);
        let per_second = case.tokens as f64 / best;
        println!(
            "{}",
            json!({ "case": case.name, "tokens": case.tokens, "best_s": best, "median_s": median, "tokens_per_s": per_second })
        );
    }
    Ok(())
}

/// Seconds, and the number that shows what was done.
fn timed(case: &Case<'_>) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let check = (case.work)()?;
    Ok((start.elapsed().as_secs_f64(), check))
}

/// Runs what is asked for until there is no more: whoever compares two programs can have them take turns pass by pass.
fn serve(cases: &[Case<'_>]) -> cli::Outcome {
    for line in std::io::stdin().lines() {
        let line = line?;
        let case = cases.iter().find(|case| case.name == line.trim()).ok_or_else(|| format!("no case `{line}`"))?;
        let (seconds, check) = timed(case)?;
        println!("{}", json!({ "case": case.name, "tokens": case.tokens, "seconds": seconds, "check": check }));
    }
    Ok(())
}
