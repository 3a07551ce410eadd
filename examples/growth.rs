//! How cost grows: with the length of a prompt, the length of the cache, the size of a batch.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cases.rs"]
mod cases;
#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/measured.rs"]
mod measured;
#[path = "shared/memory.rs"]
mod memory;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::prelude::*;
use measured::{Kind, Measured};

/// Measure how time and memory grow: prefill with the prompt, decoding with the cache, passes with the batch.
///
/// Each size runs in a process of its own, so that its peak of memory is its own; memory is measured on Linux only.
/// Writes a report with logarithmic plots. Texts are fixed token ids, so there is no seed.
#[derive(Debug, Parser)]
#[command(after_help = "Example: growth --model path/to/model --lengths 64,256,1024 --batches 1,8 --repeats 6\n\
    An exponent of 1 is growth in proportion, 2 growth with the square. Run it on a quiet machine.")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// Lengths of prompt and cache, in tokens; those past the model's context are left out
    #[arg(long, value_delimiter = ',', default_values_t = [64, 128, 256, 512, 1024, 2048, 4096])]
    lengths: Vec<usize>,
    /// Texts of 64 tokens that are run at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32])]
    batches: Vec<usize>,
    /// Times each size is run, after one that does not count; medians of 6 or more have intervals
    #[arg(long, default_value_t = 6)]
    repeats: usize,
    /// Folder for the report
    #[arg(long, default_value = "out/growth")]
    out: PathBuf,
    /// Measure the one size in `--lengths` here and print it: what each process of its own is asked
    #[arg(long, hide = true)]
    measure: Option<Kind>,
}

const NOTE: &str = "\
    Texts are fixed token ids of a linear congruential sequence, so there is no seed.\n\
    An exponent is that of the size between a row and the row before: 1 is growth in proportion, 2 with the square.\n\
    Prefill is one pass for the last logits; decode is one token with so many in the cache; batch is one pass over texts of \
    64 tokens.\n\
    Peaks are of a process that ran one size; that of decode includes the prompt's own pass.";

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    if [&arguments.lengths[..], &arguments.batches, &[arguments.repeats]].concat().contains(&0) {
        return Err("--lengths, --batches and --repeats must be 1 at least".into());
    }
    let model = arguments.model.load()?;
    if let Some(kind) = arguments.measure {
        println!("{}", kind.measure(&model, arguments.lengths[0], arguments.repeats)?);
        return Ok(());
    }
    let provenance = cli::without_data(&arguments.model, &model)?.setting("repeats", arguments.repeats);
    let processors = std::thread::available_parallelism()?.get();
    let provenance = provenance.setting("processors", processors).setting("text tokens", measured::TEXT);
    let (name, n_ctx) = (model.spec().name.clone(), model.spec().n_ctx);
    // Its memory is for the processes that measure.
    drop(model);
    let mut with_memory = false;
    let mut report = Report::new("growth", "How time and memory grow", provenance);
    let mut memory = LinePlot::new("memory", "Peak of memory")
        .log_axes()
        .x_label("tokens of the prompt, or in the cache")
        .y_label("MiB");
    for kind in Kind::ALL {
        let found = measured(kind, arguments, n_ctx)?;
        let plot = LinePlot::new(kind.name(), format!("Time of {}", kind.name())).log_axes();
        let points = found.iter().map(|m| (m.size as f64, m.time.clone()));
        report = report
            .table(measured::table(kind, &found))
            .lines(plot.x_label(kind.unit()).y_label("ms").series(&name, points));
        for (i, what) in ["whole process", "above the loaded model"].into_iter().enumerate() {
            let points = found.iter().filter_map(|m| Some((m.size as f64, m.memory.as_ref()?[i].clone())));
            let points: Vec<_> = points.filter(|(_, peak)| peak.value() > 0.0).collect();
            if kind != Kind::Batch && !points.is_empty() {
                memory = memory.series(format!("{}, {what}", kind.name()), points);
                with_memory = true;
            }
        }
    }
    report = if with_memory { report.lines(memory) } else { report.note("Memory is measured on Linux only.") };
    let written = report.note(NOTE).write(&arguments.out)?;
    println!("\nreport: {}", written.markdown.display());
    Ok(())
}

/// Every size that the context holds, the least first.
fn measured(kind: Kind, arguments: &Arguments, n_ctx: usize) -> Result<Vec<Measured>, Box<dyn Error>> {
    let mut sizes = if kind == Kind::Batch { &arguments.batches } else { &arguments.lengths }.clone();
    sizes.retain(|&size| kind.context(size, arguments.repeats) <= n_ctx);
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.is_empty() {
        return Err(format!("no size of {} fits into the context of {n_ctx} tokens", kind.name()).into());
    }
    let bar = cli::progress(sizes.len(), kind.name());
    let measure = |size: usize| {
        let found = measured::in_child(kind, size, &arguments.model, arguments.repeats);
        bar.inc(1);
        found
    };
    let found = sizes.into_iter().map(measure).collect();
    bar.finish_and_clear();
    found
}
