//! What can go wrong with a capture and with a store.

use std::io;
use std::path::PathBuf;

use isinglass_core::{BatchError, RunError, SiteId, SourceError};
use isinglass_formats::FormatError;

use crate::passages::TextError;
use crate::position::PositionError;
use crate::precision::Precision;

/// Why a capture failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the facts that the message above them names")]
pub enum CaptureError {
    /// A site whose activations have no row per position.
    #[error("site `{site}` holds a matrix of query and key positions, which gives no rows: choose another site")]
    NoRows { site: SiteId },
    /// No site was named.
    #[error("no site was named: a capture needs at least one")]
    NoSites,
    /// Several sites where one is meant.
    #[error("a live source gives rows of one site, {found} were named: make one for each, or a store")]
    ManySites { found: usize },
    /// A site that was not captured.
    #[error("site `{site}` was not captured: name it in `Capture::new`")]
    NotCaptured { site: SiteId },
    /// There are no texts.
    #[error("there are no texts to capture")]
    NoTexts,
    /// More texts than a shard can number.
    #[error("there are {found} texts, a capture takes {most} at most: make several")]
    TooManyTexts { found: usize, most: u32 },
    /// Texts could not be had from where they are.
    #[error("texts {first} to {last} cannot be had")]
    Texts { first: usize, last: usize, source: TextError },
    /// Fewer or more texts came than were asked for.
    #[error("texts {first} to {last} were asked for, {found} came: their number has changed meanwhile")]
    TextCount { first: usize, last: usize, found: usize },
    /// The texts are not those that were read first.
    #[error("texts {first} to {last} have changed since they were read first: run again when they are final")]
    TextsChanged { first: usize, last: usize },
    /// A text is longer than the model's context.
    #[error("text {text} has {len} tokens, the context of the model holds {n_ctx}: cut it or leave it out")]
    TooLong { text: usize, len: usize, n_ctx: usize },
    /// A token id is outside the vocabulary.
    #[error("text {text} has token id {id}, ids go from 0 to {last}: was it tokenised for another model?")]
    TokenOutOfRange { text: usize, id: u32, last: usize },
    /// A text has no position such as was asked for.
    #[error("text {text} has no row")]
    Position { text: usize, source: PositionError },
    /// Several continuations of one text.
    #[error("{found} samples per text are asked for, a capture continues each text once: give a text several times")]
    Samples { found: usize },
    /// An activation is infinite or no number.
    #[error(
        "the activation of text {text} at position {pos} of `{site}` holds {found}: the model's weights or this text break it"
    )]
    NotFinite { site: SiteId, text: usize, pos: usize, found: f32 },
    /// The device computes in another type.
    #[error("the activations are not f32, which a capture keeps: run the model in f32")]
    NotF32,
    /// A batch could not be made.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The model refused to run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The rows do not fit together.
    #[error(transparent)]
    Rows(#[from] SourceError),
    /// The store refused, or could not be written.
    #[error(transparent)]
    Store(Box<StoreError>),
}

impl From<StoreError> for CaptureError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// What is wrong with a store, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the facts that the message above them names")]
pub enum StoreError {
    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    /// A file cannot be written; those that are whole stay.
    #[error("cannot write `{path}`; what is complete in the store stays, and the same capture goes on from there")]
    Write { path: PathBuf, source: Box<FormatError> },
    /// A folder cannot be made or looked into.
    #[error("cannot use `{path}` as a store")]
    Folder { path: PathBuf, source: io::Error },
    /// Another process has the file.
    #[error("`{path}` is being written by another process: give each its own part, for instance `0/2` and `1/2`")]
    Busy { path: PathBuf },
    /// The folder belongs to something else.
    #[error("`{path}` holds other files (`{found}`) and no store: choose a new or empty folder")]
    Occupied { path: PathBuf, found: String },
    /// There is no manifest.
    #[error("`{path}` is no store: it has no `manifest.json`")]
    NotAStore { path: PathBuf },
    /// The manifest is of something else.
    #[error("`{path}` is no manifest of a store: its `format` is {found}, not `isinglass-activations`")]
    Foreign { path: PathBuf, found: String },
    /// The manifest is of a later version.
    #[error("`{path}` has version {found}, this program reads up to version {known}: use a newer isinglass")]
    Newer { path: PathBuf, found: u64, known: u64 },
    /// The manifest says less or more than it must.
    #[error("`{path}` is damaged: restore it, or delete it and run the same capture again, which keeps the shards")]
    BadManifest { path: PathBuf, source: serde_json::Error },
    /// The manifest describes no store that there could be.
    #[error("`{path}` names no site with rows, or shards that are not those of its texts: it is not as it was written")]
    ImpossibleManifest { path: PathBuf },
    /// The store there is of another capture.
    #[error(
        "`{path}` is a store of another capture: its `{key}` is {found}, this one's is {expected}; choose another folder"
    )]
    OtherCapture { path: PathBuf, key: String, found: String, expected: String },
    /// The store is of another model.
    #[error(
        "`{path}` has activations of `{model}` with weights {found}, not {expected}: they mean nothing to another model"
    )]
    OtherModel { path: PathBuf, model: String, found: String, expected: String },
    /// Shards are missing.
    #[error(
        "the store `{path}` has {present} of {n_shards} shards, the first missing is {first_missing}: run the same capture \
         again, or merge the folders that have the rest"
    )]
    Incomplete { path: PathBuf, present: usize, n_shards: usize, first_missing: usize },
    /// A shard is no safetensors file any more.
    #[error("shard `{path}` is damaged: delete it and run the same capture again, which makes it anew")]
    Broken { path: PathBuf, source: Box<FormatError> },
    /// A shard does not hold what it must.
    #[error("shard `{path}` is damaged ({what}): delete it and run the same capture again, which makes it anew")]
    Damaged { path: PathBuf, what: &'static str },
    /// A row is not what was written.
    #[error(
        "row {row} of `{site}` in shard `{path}` is damaged (its checksum is wrong): delete the shard and run the same capture \
         again, which makes it anew"
    )]
    DamagedRow { path: PathBuf, site: SiteId, row: u64 },
    /// The shard is of another store.
    #[error(
        "shard `{path}` belongs to another store: its manifest is {found}, not {expected}; take it out of the folder"
    )]
    ForeignShard { path: PathBuf, found: String, expected: String },
    /// The site is not in the store.
    #[error("the store `{path}` has no `{site}`: it has {has}")]
    NoSite { path: PathBuf, site: SiteId, has: String },
    /// A row that is not there.
    #[error("the store `{path}` has no row {row}: it has {n_rows}")]
    NoRow { path: PathBuf, row: u64, n_rows: u64 },
    /// A value that the type on disk cannot hold.
    #[error(
        "the activation of text {text} at position {pos} of `{site}` holds {found}, which is beyond {precision}: keep it as \
         bf16 or f32"
    )]
    OutOfRange { site: SiteId, text: usize, pos: usize, found: f32, precision: Precision },
    /// Nothing to merge.
    #[error("no stores were named to be merged")]
    NoParts,
    /// A shard cannot be linked into the merged store.
    #[error("cannot link `{to}` to `{from}`: hard links need one file system, symbolic ones do not")]
    Link { from: PathBuf, to: PathBuf, source: io::Error },
}
