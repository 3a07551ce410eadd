//! One decoder described by data: weights, tokenizer, chat template, generation with a KV cache.
//!
//! Use this crate when you want a model to hook: [`Model::load`] takes a folder, a file, a wheel, a name in the local
//! hub cache, or `tiny`. The forward pass is written once; a family is a function from its configuration to a
//! [`DecoderSpec`] and a table of weight names.
//! It knows no probes and no statistics.

mod chat;
mod config;
mod decoder;
mod error;
mod family;
mod inspect;
mod lens;
mod model;
mod passage;
mod random;
mod smollm2;
mod source;
mod spec;
mod text;
mod tokenizer;
mod weights;

pub use chat::{ChatError, ChatTemplate, Message};
pub use error::LoadError;
pub use inspect::{
    DtypeSummary, Inspection, Memory, Parameters, SiteKind, TensorInfo, TensorSummary, TokenizerSummary,
};
pub use lens::{ActualNext, Candidate, Lens, LensError, LensSite, Reading};
pub use model::{Model, TextError};
pub use passage::ChatEnd;
pub use source::ModelSource;
pub use spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling, Window, Windowed};
pub use text::{GenerateError, GeneratedText};
pub use tokenizer::{Specials, TokenizeError, Tokenizer};
