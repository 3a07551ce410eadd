//! Continues a prompt, steered or not.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use isinglass::prelude::*;
use serde_json::json;

/// Continue a prompt, steered or not.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("input").required(true), after_help = "Example: generate --chat \
    --prompt \"What is the capital of Japan?\" --max-new-tokens 40")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// A text to continue; may be given several times
    #[arg(long, group = "input")]
    prompt: Vec<String>,
    /// Token ids to continue, for instance 3,135,152; may be given several times
    #[arg(long, group = "input", value_parser = cli::parse_ids)]
    ids: Vec<std::vec::Vec<u32>>,
    /// Put each prompt as a user's turn into the model's chat template
    #[arg(long, conflicts_with = "ids")]
    chat: bool,
    /// The system's turn before it
    #[arg(long, requires = "chat")]
    system: Option<String>,
    /// Tokens to add at most
    #[arg(long, default_value_t = 64)]
    max_new_tokens: usize,
    /// 0 takes the most likely token each time; above 0 draws
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on past the model's end tokens
    #[arg(long)]
    ignore_end: bool,
    /// Add a vector: file.safetensors:key@site*alpha; may be given several times
    #[arg(long)]
    steer: Vec<SteerArgument>,
    /// Print a JSON object on a line for each prompt: prompt, `prompt_ids`, ids, text, stop
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    if !(arguments.temperature.is_finite() && arguments.temperature >= 0.0) {
        return Err(format!("--temperature is {}, it must be 0 or above", arguments.temperature).into());
    }
    let model = arguments.model.load()?;
    let sampler = Sampler::new(arguments.max_new_tokens, arguments.seed).temperature(arguments.temperature);
    let sampler = if arguments.ignore_end { sampler.ignore_end() } else { sampler };
    let mut prompts: Vec<(Option<&str>, TokenBatch)> = Vec::new();
    for ids in &arguments.ids {
        prompts.push((None, TokenBatch::one(ids.clone())?));
    }
    for text in &arguments.prompt {
        prompts.push((Some(text), tokens(arguments, &model, text)?));
    }
    for (text, tokens) in prompts {
        let bar = cli::progress(arguments.max_new_tokens, "tokens");
        let hook = cli::steering(&arguments.steer)?;
        let generation = model.generate_with(&tokens, &sampler, hook, |_, _| bar.inc(1))?.remove(0);
        bar.finish_and_clear();
        show(arguments.json, &model, text, tokens.row(0), &generation)?;
    }
    Ok(())
}

fn tokens(arguments: &Arguments, model: &Model, text: &str) -> Result<TokenBatch, Box<dyn std::error::Error>> {
    if !arguments.chat {
        return Ok(model.tokenize([text])?);
    }
    let system = arguments.system.as_ref().map(|system| Message::new("system", system));
    let messages: Vec<Message> = system.into_iter().chain([Message::user(text)]).collect();
    Ok(model.tokenize_chat(&messages)?)
}

fn show(json: bool, model: &Model, prompt: Option<&str>, prompt_ids: &[u32], generation: &Generation) -> cli::Outcome {
    let text = match model.tokenizer() {
        Ok(_) => Some(model.text(&generation.tokens)?),
        Err(_) => None,
    };
    let stop = match generation.stop {
        Stop::End(_) => "end",
        Stop::Context => "context",
        _ => "max_new_tokens",
    };
    if json {
        let ids = &generation.tokens;
        let object = json!({ "prompt": prompt, "prompt_ids": prompt_ids, "ids": ids, "text": text, "stop": stop });
        println!("{object}");
        return Ok(());
    }
    match text {
        Some(text) => println!("{text}"),
        // A model without a tokenizer speaks in ids.
        None => println!("{}", generation.tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    }
    Ok(())
}
