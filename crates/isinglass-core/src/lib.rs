//! Sites, hooks, token batches and the traits that models, captures, probes and steering share.
//!
//! Use this crate when you implement a model that others can hook ([`Forward`]), a hook of your own ([`Hook`]), or
//! an algorithm over activations ([`ActivationSource`]).
//! It knows no files, no text and no model families.
//!
//! The vocabulary in one breath: a [`Site`] is a place in the forward pass whose rank is in its type, a [`Hook`]
//! says which sites it wants and receives the activation there by value, [`Run`] checks the wanted sites against the
//! model and runs it, a [`Cache`] is a hook that keeps what it saw, and [`TokenBatch`] alone knows about padding.

pub mod site;

mod cache;
mod choices;
mod device;
mod direction;
mod distribution;
mod forward;
mod generate;
mod gradient;
mod hook;
mod passage;
mod rows;
mod sampler;
mod score;
mod site_set;
mod spec;
mod taps;
mod tokens;

pub use burn;
pub use burn::tensor::{Device, Int, Tensor};
pub use cache::{Cache, Cached, NotCaptured};
pub use device::{DeviceError, device};
pub use direction::Direction;
pub use distribution::Distribution;
pub use forward::{Forward, Run, RunError, Session};
pub use generate::{Generate, Generation, Stop};
pub use gradient::Gradients;
pub use hook::{Edit, EditEach, Hook, Observe, Visit, edit, edit_at, edit_each, observe};
pub use passage::{Passage, Span};
pub use rows::{ActivationSource, Rows, RowsSource, SourceError};
pub use sampler::{Sampler, SamplerError};
pub use score::{Likelihood, Score, ScoreError};
pub use site::{Kind, Site, SiteId, UnknownSite};
pub use site_set::{SiteSet, SiteSetError};
pub use spec::ModelSpec;
pub use taps::{Output, Taps};
pub use tokens::{BatchError, Layout, TokenBatch};

/// The version of Burn that everything here is built on, for provenance.
pub const BURN_VERSION: &str = "0.22.1";
