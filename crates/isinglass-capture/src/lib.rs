//! Activations of many texts at chosen sites and positions, as rows: in memory, live, or in a store on disk.
//!
//! Use this crate when an algorithm wants rows rather than tensors of a batch.
//! It does not know which model it runs: it takes any [`Forward`](isinglass_core::Forward).
//!
//! [`Capture`] says which sites and positions, and does the work; [`Store`] is what it left on disk.
//! The same capture gives the same rows in memory ([`Capture::rows`]), one batch at a time ([`Capture::live`]) and in a store
//! ([`Capture::store`]), whoever ran which part of it, and however often it was killed.
//!
//! # A store on disk
//!
//! `manifest.json` says what the store is of: hashes of model, tokenizer, data and texts, the sites, the positions, the type of
//! the values, and which texts each shard holds. `shards/000000.safetensors` and so on hold the rows; any safetensors reader
//! reads them. The tensors of a shard are `<site>` `[rows, width]`, `<site>.crc32` `[rows]`, and for each row `text`, `pos`,
//! `token` and `n_tokens` (all unsigned, 32 bits).

mod block;
mod capture;
mod error;
mod filling;
mod gather;
mod live;
mod manifest;
mod merge;
mod part;
mod passages;
mod plan;
mod position;
mod precision;
mod replace;
mod shard;
mod shuffle;
mod source;
mod store;

pub use block::RowOrigin;
pub use capture::{Capture, Captured, Progress, Stage, Stored};
pub use error::{CaptureError, StoreError};
pub use live::LiveSource;
pub use manifest::{Manifest, SiteInfo, Subject, TextsInfo, WrittenBy};
pub use merge::Link;
pub use part::{Part, UnknownPart};
pub use passages::{Passages, PassagesFrom, TextError, passages};
pub use position::{Pos, PositionError, Positions, UnknownPos};
pub use precision::{Precision, UnknownPrecision};
pub use shuffle::Shuffle;
pub use source::StoreSource;
pub use store::Store;
