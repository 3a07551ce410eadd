//! What a data set's texts give away before any model reads them: an audit, with limits that can fail a build.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/audited.rs"]
mod audited;
#[path = "shared/cli.rs"]
mod cli;

use std::{error::Error, path::PathBuf, process::ExitCode};

use audited::{DataArgs, report, verdicts};
use clap::{Args, Parser};
use isinglass::prelude::*;
use isinglass::probe::audit::{Audit, Limits};

/// Audit a data set: how much of its labels words, openings, lengths and punctuation give away.
///
/// Counts duplicates, phrases that come back, openings, final marks and lengths, and asks by grouped cross-validation how
/// well TF-IDF, first words, length and punctuation tell each two classes apart.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  audit_dataset datasets/quickstart_pairs
  audit_dataset mine.csv --classes warm,cold,flat --group scenario
  audit_dataset mine.jsonl --text reply --label style --group author --strict --limit-tf-idf 0.8

A folder is a data set with its manifest. A file (.json, .jsonl, .csv, .parquet) has a column for each class, or one with
the texts and one with their labels. Exit code 2 is an error; with --strict, 1 is a limit that is passed over.")]
struct Arguments {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Seed of splits, shuffles and resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of folds; groups stay together, and every class needs texts in as many
    #[arg(long, default_value_t = 10)]
    folds: usize,
    /// Times that groups are dealt to folds; AUROCs are means over them
    #[arg(long, default_value_t = 5)]
    splits: usize,
    /// Number of shuffles of the labels
    #[arg(long, default_value_t = 200)]
    permutations: usize,
    /// Folder for the report
    #[arg(long, default_value = "out/audit")]
    out: PathBuf,
    /// End with exit code 1 if a limit is passed over
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the flags")]
struct LimitArgs {
    /// Greatest AUROC by length, in characters and in words; the least lies as far below 0.5
    #[arg(long, value_name = "AUROC", default_value_t = 0.55)]
    limit_length: f64,
    /// Greatest AUROC by the first three words
    #[arg(long, value_name = "AUROC", default_value_t = 0.65)]
    limit_first_words: f64,
    /// Greatest AUROC by TF-IDF of words; 0.75 for two classes and 0.85 for more unless set
    #[arg(long, value_name = "AUROC")]
    limit_tf_idf: Option<f64>,
    /// Greatest AUROC by TF-IDF of characters; none unless set
    #[arg(long, value_name = "AUROC")]
    limit_characters: Option<f64>,
    /// Least p of class and final mark
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    limit_ends: f64,
    /// Most texts that may share five words in a row
    #[arg(long, value_name = "N", default_value_t = 2)]
    limit_texts: usize,
    /// Most pairs of texts of different groups that may be one, or nearly
    #[arg(long, value_name = "N", default_value_t = 0)]
    limit_duplicates: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::from(1),
        outcome => cli::exit(outcome.map(drop)),
    }
}

/// Whether a limit is passed over, if that is asked for.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let Arguments { seed, folds, splits, permutations, .. } = *arguments;
    let data = arguments.data.read()?;
    let of = &arguments.limits;
    let limits = Limits {
        length: 1.0 - of.limit_length..=of.limit_length,
        first_words: of.limit_first_words,
        tf_idf: of.limit_tf_idf.unwrap_or(Limits::of(data.classes.len()).tf_idf),
        characters: of.limit_characters,
        ends: of.limit_ends,
        n_gram_texts: of.limit_texts,
        duplicates: of.limit_duplicates,
    };
    let (texts, beside) = (data.texts(), data.beside());
    let bar = cli::progress(0, "splits");
    let progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let audit = Audit::of(&texts, &data.classes).beside(&beside).limits(limits.clone()).progress(&progress);
    let found = audit.folds(folds).splits(splits).permutations(permutations).seed(seed).run()?;
    bar.finish_and_clear();

    println!("{}", verdicts(&found));
    let provenance = Provenance::of_data(data.source.clone(), Origin::Measured)
        .seed(seed)
        .setting("folds", folds)
        .setting("splits", splits)
        .setting("permutations", permutations);
    let written = report(&data, &found, &limits, provenance).write(&arguments.out)?;
    println!("report: {}", written.markdown.display());
    Ok(arguments.strict && found.over().next().is_some())
}
