//! How long a model takes: passes of several kinds, and generation.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use isinglass::prelude::*;
use serde_json::json;

type Work<'a> = Box<dyn Fn() -> Result<(), Box<dyn std::error::Error>> + 'a>;

/// Time a model: prefill with all logits or the last, activations without logits, decoding. One JSON line for each.
///
/// `benches/vs_python` runs it in turn with what it is compared with.
#[derive(Debug, Parser)]
#[command(after_help = "Example: timings --model path/to/model --case last --tokens 512 --repeats 5")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// Only the cases with this in their name
    #[arg(long, default_value = "")]
    case: String,
    /// Length of the prompt, in tokens
    #[arg(long, default_value_t = 512)]
    tokens: usize,
    /// New tokens of the decoding case
    #[arg(long, default_value_t = 64)]
    new_tokens: usize,
    /// Times each case is run, after one that does not count
    #[arg(long, default_value_t = 5)]
    repeats: usize,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

/// Fixed ids, the same as the scripts that this is compared with take.
fn prompt(n: usize, vocab: usize) -> Vec<u32> {
    let mut x = 12_345_u64;
    let next = |_| {
        x = (1_103_515_245 * x + 12_345) % (1 << 31);
        17 + (x % (vocab.saturating_sub(17).max(1) as u64)) as u32
    };
    (0..n).map(next).collect()
}

/// The end of a piece of work, whose result is dropped.
#[expect(clippy::unnecessary_wraps, reason = "the end of a piece of work")]
fn done<T>(_made: T) -> cli::Outcome {
    Ok(())
}

fn run(arguments: &Arguments) -> cli::Outcome {
    if arguments.repeats == 0 || arguments.tokens == 0 {
        return Err("--repeats and --tokens must be 1 at least".into());
    }
    let start = Instant::now();
    let model = arguments.model.load()?;
    let load = start.elapsed().as_secs_f64();
    println!("{}", json!({ "case": "load", "model": model.spec().name, "best_s": load }));
    let spec = model.spec();
    let ids: Vec<u32> = prompt(arguments.tokens, spec.vocab).into_iter().map(|id| id % spec.vocab as u32).collect();
    let batch = TokenBatch::one(ids.clone())?;
    let half = TokenBatch::one(&ids[..ids.len().min(64)])?;
    let every: SiteSet = (0..spec.n_layers).map(|l| resid_post(l).id()).collect();
    let middle: SiteSet = resid_post(spec.n_layers / 2).into();
    let sampler = Sampler::greedy(arguments.new_tokens).ignore_end();
    let cases: [(&str, usize, Work<'_>); 7] = [
        ("prefill_all_logits", ids.len(), Box::new(|| done(model.run(&batch, ())?.into_data()))),
        ("prefill_last_logits", ids.len(), Box::new(|| done(model.run_last(&batch, ())?.into_data()))),
        (
            "observing_hook",
            ids.len(),
            Box::new(|| done(model.run_last(&batch, edit(resid_post(0), |x| x))?.into_data())),
        ),
        ("every_resid_post", ids.len(), Box::new(|| done(model.cache(&batch, every.clone())?))),
        ("middle_resid_post", ids.len(), Box::new(|| done(model.cache(&batch, middle.clone())?))),
        ("everything_cached", ids.len(), Box::new(|| done(model.cache(&batch, model.sites().clone())?))),
        ("generate", arguments.new_tokens, Box::new(|| done(model.generate(&half, &sampler, ())?))),
    ];
    for (name, tokens, work) in cases.iter().filter(|(name, ..)| name.contains(&arguments.case)) {
        let bar = cli::progress(arguments.repeats + 1, "passes");
        let mut seconds = Vec::new();
        for _ in 0..=arguments.repeats {
            let start = Instant::now();
            work()?;
            seconds.push(start.elapsed().as_secs_f64());
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut counted = seconds.split_off(1);
        counted.sort_by(f64::total_cmp);
        let (best, median) = (counted[0], counted[counted.len() / 2]);
        let per_second = *tokens as f64 / best;
        println!(
            "{}",
            json!({ "case": name, "tokens": tokens, "best_s": best, "median_s": median, "tokens_per_s": per_second })
        );
    }
    Ok(())
}
