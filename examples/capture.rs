//! Writes the activations of texts at any sites to a safetensors file.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use isinglass::formats::{NewTensor, save_safetensors};
use isinglass::prelude::*;

/// Write the activations of texts at any sites to a safetensors file.
///
/// One text gives tensors named after their sites (`blocks.3.hook_resid_post`, …) and `logits`, without a batch axis;
/// several give `<i>.<site>` and `<i>.logits`, counted from 0.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("input").required(true), after_help = "Example: capture --text \"The cat sat\" \
    --sites 'resid_post,blocks.2.attn.pattern' --out acts.safetensors\ndocs/SITES.md lists the sites.")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// Token ids of a text, for instance 3,135,152; may be given several times
    #[arg(long, group = "input", value_parser = cli::parse_ids)]
    ids: Vec<std::vec::Vec<u32>>,
    /// A text; may be given several times
    #[arg(long, group = "input")]
    text: Vec<String>,
    /// A file with a text on each line
    #[arg(long, group = "input")]
    file: Option<PathBuf>,
    /// Sites: names, kinds (`resid_post`), patterns (`blocks.*.hook_mlp_out`), `all`; separated by commas
    #[arg(long, default_value = "resid_post")]
    sites: String,
    /// Add a vector: file.safetensors:key@site*alpha; may be given several times
    #[arg(long)]
    steer: Vec<SteerArgument>,
    /// The file to write
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let model = arguments.model.load()?;
    let sites = model.sites().select(&arguments.sites)?;
    let texts = texts(arguments, &model)?;
    let mut tensors = BTreeMap::new();
    let bar = cli::progress(texts.len(), "texts");
    for (index, text) in texts.iter().enumerate() {
        let key = |name: &str| if texts.len() == 1 { name.to_owned() } else { format!("{index}.{name}") };
        let mut cache = Cache::at(sites.clone());
        let logits = model.run(text, (cli::steering(&arguments.steer)?, &mut cache))?;
        for (site, x) in cache.streams() {
            tensors.insert(key(&site.to_string()), unbatched(x.clone()));
        }
        for (site, x) in cache.heads() {
            tensors.insert(key(&site.to_string()), unbatched(x.clone()));
        }
        tensors.insert(key("logits"), unbatched(logits));
        let ids: Vec<i64> = text.row(0).iter().map(|&id| id.into()).collect();
        tensors.insert(key("input_ids"), NewTensor::new([ids.len()], ids));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let metadata = [("model", model.spec().name.clone()), ("weights_sha256", model.weights_sha256()?)];
    let origin = if model.is_random() { "synthetic" } else { "measured" };
    let metadata = metadata.into_iter().chain([("origin", origin.into())]);
    save_safetensors(&arguments.out, &tensors, &metadata.map(|(k, v)| (k.to_owned(), v)).collect())?;
    println!("{} tensors of {} texts in {}", tensors.len(), texts.len(), arguments.out.display());
    Ok(())
}

fn texts(arguments: &Arguments, model: &Model) -> Result<Vec<TokenBatch>, Box<dyn std::error::Error>> {
    let mut texts = arguments.text.clone();
    if let Some(path) = &arguments.file {
        let lines = std::fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        texts.extend(lines.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
        if texts.is_empty() {
            return Err(format!("`{}` holds no text: write one on each line", path.display()).into());
        }
    }
    let mut batches = Vec::new();
    for ids in &arguments.ids {
        batches.push(TokenBatch::one(ids.clone())?);
    }
    for text in &texts {
        batches.push(model.tokenize([text])?);
    }
    Ok(batches)
}

/// An activation of one text, without its batch axis.
fn unbatched<const R: usize>(x: Tensor<R>) -> NewTensor<'static> {
    let shape = x.dims()[1..].to_vec();
    NewTensor::new(shape, x.into_data().iter::<f32>().collect::<Vec<f32>>())
}
