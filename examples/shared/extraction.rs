//! What a capture is asked for on a command line, and the texts that it runs.
#![allow(dead_code, reason = "each example uses some of it")]

use std::cell::RefCell;
use std::error::Error;

use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use isinglass::capture::{PassagesFrom, Progress, Stage, TextError, passages};
use isinglass::data::TextItem;
use isinglass::prelude::*;
use rayon::prelude::*;

use super::cli;

/// Sites, positions, and how they are kept.
#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Sites: names, kinds (`resid_post`), patterns (`blocks.*.hook_mlp_out`), separated by commas
    #[arg(long, default_value = "resid_post")]
    sites: String,
    /// Positions: `last`, `mean`, `each`, `first:K`, or `boundary` (the token before each turn of the assistant)
    #[arg(long, default_value = "last")]
    pos: Pos,
    /// Apply `--pos` to each span of this name rather than the whole text
    #[arg(long)]
    span: Option<String>,
    /// Count special tokens (BOS, marks of the chat template) as tokens
    #[arg(long)]
    special_tokens: bool,
    /// Let the model continue each text first, within these limits; what it adds is the span `generated`
    #[arg(long, value_name = "TOKENS")]
    generate: Option<usize>,
    /// 0 takes the most likely token each time; above 0 draws
    #[arg(long, default_value_t = 0.0, requires = "generate", allow_negative_numbers = true)]
    temperature: f64,
    /// Seed of the draws; without them nothing here is random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How values are kept: `f32`, `bf16` or `f16`
    #[arg(long, default_value_t = Precision::F32)]
    dtype: Precision,
    /// Cut longer texts; otherwise a text that is longer than the model's context is an error
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// Memory that a batch may take, in MiB
    #[arg(long, default_value_t = 128)]
    batch_mib: u64,
    /// The size of a shard at most, in MiB
    #[arg(long, default_value_t = 512)]
    shard_mib: u64,
    /// A shard's tokens at most: what is lost when a run is killed
    #[arg(long, default_value_t = 16_384)]
    shard_tokens: usize,
}

/// The capture that is asked for.
pub(crate) fn captured(arguments: &CaptureArgs, model: &Model) -> Result<Capture, Box<dyn Error>> {
    let sites = model.sites().select(&arguments.sites)?;
    let mut capture = Capture::new(sites, arguments.pos)
        .precision(arguments.dtype)
        .batch_bytes(arguments.batch_mib << 20)
        .shard_bytes(arguments.shard_mib << 20)
        .shard_tokens(arguments.shard_tokens);
    if let Some(span) = &arguments.span {
        capture = capture.of(span);
    }
    if arguments.special_tokens {
        capture = capture.with_special_tokens();
    }
    if let Some(tokens) = arguments.generate {
        let sampler = Sampler::new(tokens, arguments.seed).temperature(arguments.temperature);
        sampler.check()?;
        capture = capture.generating(sampler);
    }
    Ok(capture)
}

/// A file's texts as the model reads them, a piece at a time, on all threads.
pub(crate) fn tokenised<'a>(
    texts: &'a Texts,
    model: &'a Model,
    max_tokens: Option<usize>,
) -> PassagesFrom<impl Fn(std::ops::Range<usize>) -> Result<Vec<Passage>, TextError> + use<'a>> {
    let passage = move |item: &TextItem| -> Result<Passage, TextError> {
        let passage = match item {
            TextItem::Plain(text) => model.passage(text)?,
            TextItem::Parts(parts) => {
                let parts: Vec<(&str, &str)> = parts.iter().map(|p| (p.name.as_str(), p.text.as_str())).collect();
                model.passage_of(&parts)?
            }
            TextItem::Chat(turns) => {
                let messages: Vec<Message> = turns.iter().map(|t| Message::new(&t.role, &t.content)).collect();
                let answered = messages.last().is_some_and(|last| last.role == "assistant");
                model.chat_passage(&messages, if answered { ChatEnd::AsIs } else { ChatEnd::AssistantsTurn })?
            }
        };
        Ok(max_tokens.map_or_else(|| passage.clone(), |n| passage.clone().truncated(n)))
    };
    passages(texts.len(), move |range| {
        let first = range.start;
        let items = texts.read(range)?;
        let of = |(i, item)| passage(item).map_err(|e| TextError::from(format!("text {}: {e}", first + i)));
        items.par_iter().enumerate().map(of).collect()
    })
}

/// What the store is of, for its manifest.
pub(crate) fn subject(arguments: &cli::ModelArgs, model: &Model, texts: &Texts) -> Result<Subject, Box<dyn Error>> {
    Ok(Subject {
        model: model.spec().name.clone(),
        weights_sha256: model.weights_sha256()?,
        tokenizer_sha256: Some(model.tokenizer()?.sha256()?),
        device: arguments.device.clone(),
        data: texts.name().into(),
        data_sha256: texts.sha256().into(),
        licence: texts.licence().into(),
        synthetic: model.is_random(),
    })
}

/// A bar for each stage, and what moves them.
pub(crate) fn bars(n: usize) -> (ProgressBar, impl FnMut(Progress)) {
    let bar = cli::progress(n, "reading");
    let moved = RefCell::new(bar.clone());
    let progress = move |progress: Progress| {
        let bar = moved.borrow_mut();
        if progress.stage == Stage::Running {
            bar.set_message("texts");
        }
        bar.set_position(progress.texts as u64);
    };
    (bar, progress)
}

/// A store in a few words.
pub(crate) fn summary(store: &Store) -> String {
    let manifest = store.manifest();
    let values: usize = manifest.sites.iter().map(|site| site.width).sum();
    let bytes = store.len() * (values * manifest.precision.n_bytes()) as u64;
    format!(
        "{}: {} rows of {} sites ({} of {} texts, {}), {} as {}, {} shards{}",
        store.folder().display(),
        HumanCount(store.len()),
        manifest.sites.len(),
        manifest.positions.rule,
        HumanCount(manifest.texts.n as u64),
        manifest.subject.model,
        HumanBytes(bytes),
        manifest.precision,
        manifest.n_shards(),
        if manifest.subject.synthetic { "; synthetic: random weights" } else { "" },
    )
}
