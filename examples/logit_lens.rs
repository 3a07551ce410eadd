//! What each layer would say next, through the logit lens.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/cli.rs"]
mod cli;

use std::{path::PathBuf, process::ExitCode};

use clap::{ArgGroup, Parser, builder::PossibleValuesParser};
use isinglass::formats::write_atomically;
use isinglass::model::{LensSite, Reading};
use isinglass::prelude::*;
use serde_json::{Value, json};

/// Show what each layer would say next: final norm and unembedding applied to any place of the stream.
///
/// Prints the likeliest token at each layer for the last positions, with each layer's mean KL(final ‖ layer) and its loss
/// on the actual next tokens, in nats. Writes a report with a heat map (`logit_lens.json`, .md, .top.svg) and every reading
/// (`readings.json`): top tokens, log-probability and rank of the actual next token, rank of the model's own choice, KL.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("input").required(true), after_help = "Example: logit_lens --text \"The capital of Japan is\" \
    --layers 0,10-29 --top 3\nIn tokens `·` is a space, `↵` a line break. The lens on attn_out and mlp_out norms that part alone.")]
struct Arguments {
    #[command(flatten)]
    model: cli::ModelArgs,
    /// The text to read
    #[arg(long, group = "input")]
    text: Option<String>,
    /// Its token ids instead, for instance 3,135,152
    #[arg(long, group = "input", value_parser = cli::parse_ids)]
    ids: Option<std::vec::Vec<u32>>,
    /// Where to look in each layer
    #[arg(long, default_value = "resid_post",
        value_parser = PossibleValuesParser::new(["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]))]
    site: String,
    /// Layers to look at, for instance 0,3,5-9; all of them unless given
    #[arg(long, value_parser = cli::parse_layers)]
    layers: Option<std::vec::Vec<usize>>,
    /// Tokens to keep of each place
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Positions to print, the last ones; the files hold all
    #[arg(long, default_value_t = 8)]
    show: usize,
    /// Add a vector first: file.safetensors:key@site*alpha; may be given several times
    #[arg(long)]
    steer: Vec<SteerArgument>,
    /// Folder for the report
    #[arg(long, default_value = "out/logit_lens")]
    out: PathBuf,
}

fn main() -> ExitCode {
    cli::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> cli::Outcome {
    let model = arguments.model.load()?;
    let in_layer = |layer: &usize| format!("blocks.{layer}.{}", arguments.site);
    let layers = arguments.layers.as_ref().map(|layers| layers.iter().map(in_layer).collect::<Vec<_>>().join(","));
    let sites = model.sites().select(layers.as_ref().unwrap_or(&arguments.site))?;
    let ids = match (&arguments.ids, &arguments.text) {
        (Some(ids), _) => ids.clone(),
        (None, text) => model.tokenize(text)?.row(0).to_vec(),
    };
    let bar = cli::progress(sites.len() * ids.len(), "readings");
    let hook = cli::steering(&arguments.steer)?;
    let lens = model.lens(&ids, sites, arguments.top.into(), hook, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let visible = |id: u32| model.tokenizer().map_or_else(|_| id.to_string(), |tokenizer| tokenizer.visible(id));
    let tokens: Vec<String> = ids.iter().map(|id| visible(*id)).collect();
    print(&lens, &tokens, arguments.show, visible);

    let title = format!("The likeliest next token at {}", arguments.site);
    let map = HeatMap::new("top", &title).x_label("token read").y_label("layer").range("probability", 0.0, 1.0);
    let (mut map, heading) = (map.columns(&tokens), ["site", "likeliest tokens", "rank of the model's choice"]);
    let mut last = Table::new("After the last token", heading);
    for LensSite { site, readings } in &lens.sites {
        let first = readings.iter().filter_map(|r| r.top.first()).map(|top| (top.probability, visible(top.id)));
        map = map.row(site.layer().unwrap_or_default().to_string(), first);
        if let Some(r) = readings.last() {
            let top = r.top.iter().map(|top| visible(top.id)).collect::<Vec<_>>().join("  ");
            last = last.row([site.to_string().into(), top.into(), r.final_rank.into()]);
        }
    }
    let provenance = cli::without_data(&arguments.model, &model)?
        .setting("site", arguments.site.as_str())
        .setting("ids", ids.as_slice())
        .setting("steered", !arguments.steer.is_empty());
    let readings = json!({ "provenance": provenance, "tokens": tokens, "lens": named(&lens, visible)? });
    let written = Report::new("logit_lens", title, provenance).heat(map).table(last).write(&arguments.out)?;
    write_atomically(arguments.out.join("readings.json"), serde_json::to_string(&readings)?.as_bytes())?;
    println!("\nreport: {}", written.markdown.display());
    Ok(())
}

/// The lens as JSON, each candidate with its token's text.
fn named(lens: &Lens, visible: impl Fn(u32) -> String) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(lens)?;
    let sites = value["sites"].as_array_mut().into_iter().flatten();
    for reading in sites.filter_map(|site| site["readings"].as_array_mut()).flatten() {
        for candidate in reading["top"].as_array_mut().into_iter().flatten() {
            candidate["token"] = candidate["id"].as_u64().map(|id| visible(id as u32)).into();
        }
    }
    Ok(value)
}

/// Layers down, the last positions across.
fn print(lens: &Lens, tokens: &[String], show: usize, visible: impl Fn(u32) -> String) {
    let from = tokens.len().saturating_sub(show);
    let cells = |cells: Vec<String>| cells.iter().map(|cell| format!("{cell:<11.11}")).collect::<Vec<_>>().join(" ");
    println!("{:>5} {:>8} {:>8} {}", "layer", "KL", "loss", cells(tokens[from..].to_vec()));
    for site in &lens.sites {
        let loss = site.loss().map_or_else(|| "none".into(), |loss| format!("{loss:.3}"));
        let top = |r: &Reading| r.top.first().map_or_else(String::new, |top| visible(top.id));
        let tops = cells(site.readings[from..].iter().map(top).collect());
        println!("{:>5} {:>8.3} {loss:>8} {tops}", site.site.layer().unwrap_or_default(), site.mean_kl());
    }
}
