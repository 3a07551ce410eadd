//! What a store costs: the pass it is captured in beside the bare one, reading it, and the memory of both.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs, str};

use isinglass::capture::passages;
use isinglass::core::burn::tensor::TensorData;
use isinglass::core::{ModelSpec, Taps, Visit};
use isinglass::prelude::*;
use isinglass::stats::median;

use crate::cli;
use crate::memory::{forget_peak, status};

/// What of a pass is kept.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    capture: Capture,
    /// The last site: where the bare pass stops too.
    last: SiteId,
}

/// The usual captures, from the lightest to the heaviest.
pub(crate) fn cases(model: &Model) -> Vec<Case> {
    let streams = model.sites().clone().of(Kind::ResidPost);
    let (middle, top) = (resid_post(model.spec().n_layers / 2).id(), resid_post(model.spec().n_layers - 1).id());
    let all = |pos| Capture::new(streams.clone(), pos);
    vec![
        Case { name: "last token, every layer", capture: all(Pos::Last), last: top },
        Case { name: "mean over tokens, every layer", capture: all(Pos::Mean), last: top },
        Case { name: "each token, middle layer", capture: Capture::new(middle, Pos::Each), last: middle },
        Case { name: "each token, every layer", capture: all(Pos::Each), last: top },
        Case { name: "each token, every layer, bf16", capture: all(Pos::Each).precision(Precision::Bf16), last: top },
    ]
}

/// Texts of 8 to 120 tokens, each a function of its number.
fn text(i: usize, vocab: usize) -> Vec<u32> {
    let mut state = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^ (state >> 27)
    };
    (0..8 + next() % 113).map(|_| (17 + next() % (vocab as u64 - 17)) as u32).collect()
}

/// A hook that asks for a site and looks away: the pass stops there.
struct UpTo(SiteId);

impl Hook for UpTo {
    fn sites(&self) -> SiteSet {
        self.0.into()
    }
    fn stream(&mut self, _: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        x
    }
}

/// Tokens per second of the bare pass in the capture's own batches, to its last site, and of the whole capture into a
/// store, in turn.
pub(crate) fn rates(model: &Model, case: &Case, n: usize) -> Result<[f64; 2], Box<dyn Error>> {
    let texts: Vec<Vec<u32>> = (0..n).map(|i| text(i, model.spec().vocab)).collect();
    let lens: Vec<usize> = texts.iter().map(Vec::len).collect();
    let tokens: f64 = lens.iter().map(|len| *len as f64).sum();
    let start = Instant::now();
    for batch in case.capture.batches(model.spec(), &lens) {
        let batch = TokenBatch::new(batch.iter().map(|&i| texts[i].clone()))?;
        model.activations(&batch, UpTo(case.last))?;
    }
    let bare = tokens / start.elapsed().as_secs_f64();
    let (folder, subject) = (tempfile::tempdir()?, subject(model)?);
    let start = Instant::now();
    case.capture.store(model, &texts, &subject, folder.path(), |_| {})?;
    Ok([bare, tokens / start.elapsed().as_secs_f64()])
}

fn subject(model: &Model) -> Result<Subject, Box<dyn Error>> {
    Ok(Subject {
        model: model.spec().name.clone(),
        weights_sha256: model.weights_sha256()?,
        tokenizer_sha256: None,
        device: "cpu".into(),
        data: "numbers".into(),
        data_sha256: "none: made up on the spot".into(),
        licence: "CC0-1.0".into(),
        synthetic: true,
    })
}

/// A model without layers, as fast as its rows can be written.
struct Ramp(ModelSpec, Device);

impl Forward for Ramp {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }
    fn device(&self) -> &Device {
        &self.1
    }
    fn forward(&self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        let shape = [tokens.layout().rows(), tokens.layout().width(), self.0.d_model];
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i % 4093) as f32).collect();
        taps.stream(resid_post(0), Tensor::from_data(TensorData::new(values, shape), &self.1))
    }
}

/// Makes a store of `n` rows of this model's width.
fn rows_of(model: &Model, n: usize, precision: Precision, folder: &Path) -> Result<(), Box<dyn Error>> {
    let spec = ModelSpec { sites: resid_post(0).into(), ..model.spec().clone() };
    let texts = passages(n.div_ceil(64), |range| range.map(|_| Ok(Passage::new(vec![1; 64])?)).collect());
    let capture = Capture::new(resid_post(0), Pos::Each).precision(precision);
    capture.store(&Ramp(spec, model.device().clone()), &texts, &subject(model)?, folder, |_| {})?;
    Ok(())
}

/// GB/s of a store's bytes, in order or shuffled, the first time not counted.
fn read(folder: &Path, shuffled: bool, repeats: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let store = Store::open(folder)?;
    let device = device("cpu")?;
    let mut rates = Vec::new();
    for repeat in 0..=repeats {
        let mut source = store.source(resid_post(0), &device)?.batch_rows(4096);
        if shuffled {
            source = source.shuffled(repeat as u64);
        }
        let start = Instant::now();
        while source.next_batch()?.is_some() {}
        let bytes = store.len() as f64 * source.width() as f64 * store.manifest().precision.n_bytes() as f64;
        rates.push(bytes / start.elapsed().as_secs_f64() / 1e9);
    }
    Ok(rates.split_off(1))
}

/// GB/s of reading a store of so many GiB from the page cache.
pub(crate) fn reads(model: &Model, gib: f64, repeats: usize) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new("Reading from the page cache", ["kept as", "order", "GB/s"]);
    for precision in [Precision::F32, Precision::Bf16] {
        let folder = tempfile::tempdir()?;
        let rows = gib * f64::from(1 << 30) / (model.spec().d_model * precision.n_bytes()) as f64;
        rows_of(model, rows as usize, precision, folder.path())?;
        for (order, shuffled) in [("in order", false), ("shuffled", true)] {
            let rate = median(&read(folder.path(), shuffled, repeats)?)?;
            println!("read {precision}, {order}: {rate} GB/s");
            table = table.row([precision.to_string().into(), order.into(), Cell::from(&rate)]);
        }
    }
    Ok(table)
}

/// Captures `n` texts and reads them shuffled, in this process; prints the peaks of memory above the loaded model, in KiB.
pub(crate) fn measure(model: &Model, n: usize) -> Result<String, Box<dyn Error>> {
    let vocab = model.spec().vocab;
    let texts = passages(n, |range| range.map(|i| Ok(Passage::new(text(i, vocab))?)).collect());
    let sites = model.sites().clone().of(Kind::ResidPost);
    let capture = Capture::new(sites, Pos::Each);
    let folder = tempfile::tempdir()?;
    let loaded = status("VmRSS:").ok_or("this system does not say how much memory a process has")?;
    let peak = |work: &mut dyn FnMut() -> Result<(), Box<dyn Error>>| {
        forget_peak()?;
        work()?;
        Ok::<_, Box<dyn Error>>(status("VmHWM:").unwrap_or(0).saturating_sub(loaded))
    };
    let captured =
        peak(&mut || Ok(capture.store(model, &texts, &subject(model)?, folder.path(), |_| {}).map(|_| ())?))?;
    let bytes: u64 =
        fs::read_dir(folder.path().join("shards"))?.map(|f| Ok(f?.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    let read = peak(&mut || {
        let store = Store::open(folder.path())?;
        let mut source = store.source(resid_post(0), model.device())?.shuffled(1);
        while source.next_batch()?.is_some() {}
        Ok(())
    })?;
    Ok(format!("{bytes} {captured} {read}"))
}

/// What a size takes: bytes of the store, then MiB of memory above the loaded model to capture it and to read it.
pub(crate) fn in_child(model: &cli::ModelArgs, n: usize) -> Result<(u64, [Estimate; 2]), Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child
        .args(["--measure", &n.to_string(), "--model", &model.model, "--device", &model.device])
        .stderr(Stdio::inherit());
    let output = child.output()?;
    if !output.status.success() {
        return Err(format!("measuring {n} texts ended with {}", output.status).into());
    }
    let numbers =
        str::from_utf8(&output.stdout)?.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let &[bytes, captured, read] = &numbers[..] else {
        return Err("the measuring process printed something else".into());
    };
    let mib = |kib: u64| Ok::<_, Box<dyn Error>>(median(&[kib as f64 / 1024.0])?.qualified("of one process's peak"));
    Ok((bytes, [mib(captured)?, mib(read)?]))
}
