//! How likely a model finds continuations of a prompt.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::process::ExitCode;

use clap::Parser;
use isinglass::prelude::*;
use serde_json::json;

/// Score continuations of a prompt: log-probability, loss, and the rank of each token.
///
/// The prompt is run once, then all continuations as one batch on top of it. Log-probabilities are in nats; the loss is
/// their negative mean per token; rank 0 is the token the model would have chosen.
/// A continuation is tokenized by itself, so begin it with its space.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: score --prompt \"The capital of Japan is\" --continuation \" Tokyo\" --continuation \" Kyoto\""
)]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    #[command(flatten)]
    prompts: cli::PromptArgs,
    /// A text to score after each prompt; may be given several times
    #[arg(long, value_name = "TEXT")]
    continuation: Vec<String>,
    /// Token ids to score after each prompt; may be given several times
    #[arg(long, value_name = "IDS", value_parser = cli::parse_ids)]
    continuation_ids: Vec<std::vec::Vec<u32>>,
    /// Add a vector: file.safetensors:key@site*alpha; may be given several times
    #[arg(long)]
    steer: Vec<SteerArgument>,
    /// Print a JSON object on a line for each continuation: prompt, `prompt_ids`, continuation, ids, sum, loss,
    /// `log_probs`, ranks
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let model = arguments.model.load()?;
    let mut continuations: Vec<(Option<&str>, Vec<u32>)> = Vec::new();
    for ids in &arguments.continuation_ids {
        continuations.push((None, ids.clone()));
    }
    for text in &arguments.continuation {
        continuations.push((Some(text), model.tokenizer()?.encode(text, Specials::Skip)?));
    }
    let ids: Vec<&[u32]> = continuations.iter().map(|(_, ids)| &ids[..]).collect();
    let prompts = arguments.prompts.tokens(&model)?;
    let bar = cli::progress(prompts.len(), "prompts");
    for (prompt, tokens) in prompts {
        let scores = model.score(tokens.row(0), &ids, cli::steering(&arguments.steer)?)?;
        bar.inc(1);
        if !arguments.json {
            println!("{:>10} {:>10} {:>7}  {}", "log-prob", "loss", "tokens", prompt.unwrap_or("prompt of ids"));
        }
        for ((text, ids), score) in continuations.iter().zip(scores) {
            if arguments.json {
                let object = json!({ "prompt": prompt, "prompt_ids": tokens.row(0), "continuation": text, "ids": ids,
                    "sum": score.sum(), "loss": score.loss(), "log_probs": score.log_probs, "ranks": score.ranks });
                println!("{object}");
                continue;
            }
            let shown = text.map_or_else(|| format!("{ids:?}"), |text| format!("{text:?}"));
            println!("{:>10.4} {:>10.4} {:>7}  {shown}  ranks {:?}", score.sum(), score.loss(), ids.len(), score.ranks);
        }
    }
    bar.finish_and_clear();
    Ok(())
}
