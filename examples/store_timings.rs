//! What keeping activations costs: the capture beside the bare pass, reading them back, and memory as the data grow.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;
#[path = "shared/memory.rs"]
mod memory;
#[path = "shared/stored.rs"]
mod stored;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use isinglass::prelude::*;
use isinglass::stats::median;

/// Measure what a store costs: tokens per second beside the bare pass, GB/s of reading, memory as the data grow.
///
/// The bare pass runs the same batches to the same site with nothing kept; each capture is timed in turn with it, planning,
/// writing and syncing included. Rows are read from the page cache, each checked. Memory is measured on Linux only.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: store_timings --texts 200 --repeats 6 --gib 2 --out out/store\nRun it on a quiet machine."
)]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// The model that memory is measured with: a small one, beside which little is hidden
    #[arg(long, default_value = "tiny")]
    memory_model: String,
    /// Texts of 8 to 120 tokens in each capture
    #[arg(long, default_value_t = 200)]
    texts: usize,
    /// Only captures whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Times each is run; medians of 6 or more have intervals
    #[arg(long, default_value_t = 6)]
    repeats: usize,
    /// Size of the store that is read
    #[arg(long, default_value_t = 1.0)]
    gib: f64,
    /// Numbers of texts that memory is measured with
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000])]
    sizes: Vec<usize>,
    /// Folder for the report
    #[arg(long, default_value = "out/store")]
    out: PathBuf,
    /// Measure the memory of so many texts here and print it: what each process of its own is asked
    #[arg(long, hide = true)]
    measure: Option<usize>,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let model = arguments.model.load()?;
    if let Some(n) = arguments.measure {
        println!("{}", stored::measure(&model, n)?);
        return Ok(());
    }
    let provenance = cli::without_data(&arguments.model, &model)?.setting("repeats", arguments.repeats);
    let provenance = provenance.setting("processors", std::thread::available_parallelism()?.get());
    let report = Report::new("store", "What keeping activations costs", provenance);
    let report =
        report.table(captures(arguments, &model)?).table(stored::reads(&model, arguments.gib, arguments.repeats)?);
    drop(model);
    let memory_of = cli::ModelArgs { model: arguments.memory_model.clone(), device: arguments.model.device.clone() };
    let mut table =
        Table::new("Memory above the loaded model", ["texts", "store, MiB", "capture, MiB", "shuffled read, MiB"]);
    let mut points = [Vec::new(), Vec::new()];
    for &n in &arguments.sizes {
        let (bytes, peaks) = stored::in_child(&memory_of, n)?;
        let mib = bytes as f64 / f64::from(1 << 20);
        println!("{n:>8} texts, {mib:>9.1} MiB: capture {:.1} MiB, read {:.1} MiB", peaks[0].value(), peaks[1].value());
        table = table.row([n.into(), format!("{mib:.1}").into(), Cell::from(&peaks[0]), Cell::from(&peaks[1])]);
        for (points, peak) in points.iter_mut().zip(peaks) {
            points.push((mib, peak));
        }
    }
    let [capture, read] = points;
    let plot = LinePlot::new("memory", format!("Peak of memory above the loaded model ({})", memory_of.model));
    let plot =
        plot.log_axes().x_label("store, MiB").y_label("MiB").series("capture", capture).series("shuffled read", read);
    let written = report.table(table).lines(plot).write(&arguments.out)?;
    println!("\nreport: {}", written.markdown.display());
    Ok(())
}

/// Tokens per second with nothing kept and with a store, and their ratio.
fn captures(arguments: &Arguments, model: &Model) -> Result<Table, Box<dyn std::error::Error>> {
    let mut table =
        Table::new("Capture beside the bare pass", ["kept", "bare, tokens/s", "capture, tokens/s", "ratio"]);
    for case in stored::cases(model).into_iter().filter(|case| case.name.contains(&arguments.only)) {
        let bar = cli::progress(arguments.repeats, case.name);
        stored::rates(model, &case, arguments.texts.min(20))?;
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..arguments.repeats {
            let [bare, kept] = stored::rates(model, &case, arguments.texts)?;
            all.iter_mut().zip([bare, kept, kept / bare]).for_each(|(all, one)| all.push(one));
            bar.inc(1);
        }
        bar.finish_and_clear();
        let [bare, kept, ratio] = [median(&all[0])?, median(&all[1])?, median(&all[2])?];
        println!("{:<32} bare {:>8.1} capture {:>8.1} tokens/s, ratio {ratio}", case.name, bare.value(), kept.value());
        table = table.row([case.name.into(), Cell::from(&bare), Cell::from(&kept), Cell::from(&ratio)]);
    }
    Ok(table)
}
