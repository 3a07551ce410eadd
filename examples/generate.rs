//! Continues a prompt, steered or not.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use isinglass::prelude::*;
use serde_json::json;

/// Continue a prompt, steered or not.
///
/// A text depends on the seed, its number among the prompt's samples and the prompt: give the same again and it is the
/// same, whatever else is asked for.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  generate --chat --prompt \"What is the capital of Japan?\" --max-new-tokens 40\n  \
    generate --prompt \"Dear diary,\" --temperature 0.8 --top-p 0.95 --samples 3 --stop \"\n\" --json"
)]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    #[command(flatten)]
    prompts: cli::PromptArgs,
    #[command(flatten)]
    sampler: cli::SamplerArgs,
    /// End before this text, should it occur; may be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Add a vector: file.safetensors:key@site*alpha; may be given several times
    #[arg(long)]
    steer: Vec<SteerArgument>,
    /// Print a text while it is written, as is done in a terminal where there is one
    #[arg(long, conflicts_with = "json")]
    stream: bool,
    /// Print a JSON object on a line for each text: prompt, `prompt_ids`, ids, text, stop, sample, seed
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let sampler = arguments.sampler.sampler()?;
    let model = arguments.model.load()?;
    let prompts = arguments.prompts.tokens(&model)?;
    let one = prompts.len() * arguments.sampler.samples == 1;
    if arguments.stream && !(one && model.tokenizer().is_ok()) {
        return Err("--stream prints one text as it is written: give one prompt, one sample and a tokenizer".into());
    }
    let stream = arguments.stream || (one && !arguments.json && stdout().is_terminal());
    for (prompt, tokens) in prompts {
        for (sample, text) in texts(arguments, &model, &sampler, &tokens, stream)?.iter().enumerate() {
            if arguments.json {
                let (stop, seed) = (stop_name(text), arguments.sampler.seed);
                let (ids, text) = (&text.tokens, model.tokenizer().is_ok().then_some(&text.text));
                let prompt_ids = tokens.row(0);
                println!(
                    "{}",
                    json!({ "prompt": prompt, "prompt_ids": prompt_ids, "ids": ids, "text": text, "stop": stop,
                        "sample": sample, "seed": seed })
                );
                continue;
            }
            if arguments.sampler.samples > 1 {
                println!("--- sample {sample}");
            }
            println!("{}", if stream { "" } else { &text.text });
        }
    }
    Ok(())
}

/// The samples of one prompt; of a model without a tokenizer, which speaks in ids, ids.
fn texts(
    arguments: &Arguments,
    model: &Model,
    sampler: &Sampler,
    prompt: &TokenBatch,
    stream: bool,
) -> Result<Vec<GeneratedText>, Box<dyn std::error::Error>> {
    let hook = cli::steering(&arguments.steer)?;
    let bar = cli::progress(arguments.sampler.max_new_tokens * arguments.sampler.samples, "tokens");
    let texts = if model.tokenizer().is_err() && arguments.stop.is_empty() {
        let ids = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let generations = model.generate_with(prompt, sampler, hook, |_, _| bar.inc(1))?;
        let shown = |Generation { tokens, stop }| GeneratedText { text: ids(&tokens), tokens, stop, stop_string: None };
        generations.into_iter().map(shown).collect()
    } else {
        model.generate_text(prompt, sampler, &arguments.stop, hook, |_, piece| {
            if stream {
                print!("{piece}");
                // What cannot be shown now is shown by the next line.
                let _ = stdout().flush();
            } else {
                bar.inc(1);
            }
        })?
    };
    bar.finish_and_clear();
    Ok(texts)
}

const fn stop_name(text: &GeneratedText) -> &'static str {
    match text.stop {
        Stop::End(_) => "end",
        Stop::Context => "context",
        Stop::Asked => "stop_string",
        _ => "max_new_tokens",
    }
}
