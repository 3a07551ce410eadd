//! Work measured in a process of its own, so that its peak of memory is its own.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, str};

use isinglass::prelude::*;
use isinglass::stats::median;
use serde_json::{Value, json};

use crate::cases::Numbers;
use crate::cli;
use crate::memory::{forget_peak, status};

/// Tokens of each text of a batch.
pub(crate) const TEXT: usize = 64;
/// Decoding steps for each repetition that is asked for: a step is short.
const STEPS: usize = 4;

/// What is made larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// One pass over a longer prompt, for its last logits
    Prefill,
    /// One token after a longer prompt
    Decode,
    /// One pass over more texts
    Batch,
}

/// What one size took.
pub(crate) struct Measured {
    pub(crate) size: usize,
    /// Milliseconds.
    pub(crate) time: Estimate,
    /// Tokens per second.
    pub(crate) rate: Estimate,
    /// Peak of the process and how far it lies above the loaded model, in MiB; none where the system does not say.
    pub(crate) memory: Option<[Estimate; 2]>,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Prefill, Self::Decode, Self::Batch];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::Decode => "decode",
            Self::Batch => "batch",
        }
    }

    /// What a size counts.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Prefill => "tokens of the prompt",
            Self::Decode => "tokens in the cache",
            Self::Batch => "texts of 64 tokens",
        }
    }

    /// The greatest exponent that the algorithm itself has: attention looks at every pair of a prompt's tokens, and at
    /// every token of a cache.
    pub(crate) const fn order(self) -> f64 {
        match self {
            Self::Prefill => 2.0,
            Self::Decode | Self::Batch => 1.0,
        }
    }

    /// Tokens run or made in one repetition.
    pub(crate) const fn tokens(self, size: usize) -> usize {
        match self {
            Self::Prefill => size,
            Self::Decode => 1,
            Self::Batch => size * TEXT,
        }
    }

    /// Tokens that one text comes to.
    pub(crate) const fn context(self, size: usize, repeats: usize) -> usize {
        match self {
            Self::Prefill => size,
            Self::Decode => size + STEPS * repeats + 2,
            Self::Batch => TEXT,
        }
    }

    /// Measures in this process, and gives what [`in_child`] reads.
    pub(crate) fn measure(self, model: &Model, size: usize, repeats: usize) -> Result<Value, Box<dyn Error>> {
        let mut numbers = Numbers::new();
        let (rows, len) = if self == Self::Batch { (size, TEXT) } else { (1, size) };
        let tokens = TokenBatch::new((0..rows).map(|_| numbers.ids(len, model.spec().vocab)))?;
        let loaded = status("VmRSS:");
        // Where the peak cannot be forgotten it may be that of loading.
        let forgotten = forget_peak().is_ok();
        let mut seconds = Vec::new();
        if self == Self::Decode {
            let sampler = Sampler::greedy(STEPS * repeats + 2).ignore_end();
            let mut last = Instant::now();
            model.generate_with(&tokens, &sampler, (), |_, _| {
                seconds.push(last.elapsed().as_secs_f64());
                last = Instant::now();
            })?;
            // The prompt itself.
            seconds.remove(0);
        } else {
            for _ in 0..=repeats {
                let start = Instant::now();
                model.run_last(&tokens, ())?.into_data();
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        let memory = if forgotten { loaded.zip(status("VmHWM:")) } else { None };
        // The first does not count.
        Ok(json!({ "seconds": seconds[1..], "memory_kib": memory.map(|(loaded, peak)| [loaded, peak]) }))
    }
}

/// Measures in a new process of this program, which is to answer `--measure` by what [`Kind::measure`] gives.
pub(crate) fn in_child(
    kind: Kind,
    size: usize,
    model: &cli::ModelArgs,
    repeats: usize,
) -> Result<Measured, Box<dyn Error>> {
    let (size_given, repeats) = (size.to_string(), repeats.to_string());
    let what = ["--measure", kind.name(), "--lengths", &size_given, "--repeats", &repeats];
    let mut child = Command::new(env::current_exe()?);
    child.args(what).args(["--model", &model.model, "--device", &model.device]).stderr(Stdio::inherit());
    let output = child.output()?;
    if !output.status.success() {
        return Err(format!("measuring {} at {size} ended with {}", kind.name(), output.status).into());
    }
    let found: Value = serde_json::from_str(str::from_utf8(&output.stdout)?)?;
    let numbers = |key: &str| found[key].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    let seconds = numbers("seconds").unwrap_or_default();
    let milliseconds: Vec<f64> = seconds.iter().map(|s| s * 1e3).collect();
    let rates: Vec<f64> = seconds.iter().map(|s| kind.tokens(size) as f64 / s).collect();
    let peak = |mib: f64| median(&[mib]).map(|peak| peak.qualified("of one process's peak"));
    let memory = match numbers("memory_kib").as_deref() {
        Some(&[loaded, most]) => Some([peak(most / 1024.0)?, peak((most - loaded) / 1024.0)?]),
        _ => None,
    };
    Ok(Measured { size, time: median(&milliseconds)?, rate: median(&rates)?, memory })
}

/// One row a size, each with the exponent of its growth from the row before; printed too.
pub(crate) fn table(kind: Kind, found: &[Measured]) -> Table {
    let columns = [kind.unit(), "ms", "tokens/s", "exponent of time", "peak, MiB", "above the model, MiB", "exponent"];
    let heading = format!("{}, order of the algorithm: at most {}", kind.name(), kind.order());
    println!(
        "\n{heading}\n{:<22} {:>12} {:>12} {:>8} {:>12}",
        columns[0], columns[1], columns[2], "exponent", columns[4]
    );
    let mut table = Table::new(heading, columns);
    for (i, m) in found.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| &found[i]);
        let exponent = |of: fn(&Measured) -> Option<f64>| {
            let (before, growth) = before.map(|b| (b, m.size as f64 / b.size as f64))?;
            Some((of(m)? / of(before)?).log(growth)).filter(|exponent| exponent.is_finite())
        };
        let shown = |exponent: Option<f64>| exponent.map_or_else(String::new, |exponent| format!("{exponent:.2}"));
        let time = shown(exponent(|m| Some(m.time.value())));
        let above = shown(exponent(|m| Some(m.memory.as_ref()?[1].value())));
        let peak = |i: usize| m.memory.as_ref().map_or_else(|| "not measured".into(), |memory| Cell::from(&memory[i]));
        let whole =
            m.memory.as_ref().map_or_else(|| "not measured".into(), |memory| format!("{:.0}", memory[0].value()));
        println!("{:<22} {:>12.3} {:>12.1} {time:>8} {whole:>12}", m.size, m.time.value(), m.rate.value());
        let cells =
            [m.size.into(), Cell::from(&m.time), Cell::from(&m.rate), time.into(), peak(0), peak(1), above.into()];
        table = table.row(cells);
    }
    table
}
