//! Interpretability toolkit for language models on [Burn](https://burn.dev): load a model, hook its activations, find
//! directions, steer, and report estimates that hold up.
//!
//! Start with the README's example and the [`prelude`]. Each module is a crate of its own:
//!
//! | module | answers |
//! | --- | --- |
//! | [`core`] | what is a site, a hook, a batch, a direction? |
//! | [`model`] | how do I get a model? |
//! | [`capture`] | how do I get rows of activations from many texts, and keep them? |
//! | [`probe`] | which direction tells classes apart, and how well on texts it was not made from? |
//! | [`steer`] | what happens if the model is pushed along it? |
//! | [`stats`] | how sure are we? |
//! | [`report`] | what do we say? |
//! | [`data`] | what do we show the model? |
//! | [`oracle`] | what does an outside model say? |
//! | [`studies`] | what did published experiments find, done again? |
//! | [`formats`] | what is in this file? |
//!
//! docs/SITES.md lists every site with its name, shape and equation; docs/ARCHITECTURE.md says how the crates fit.

pub use isinglass_capture as capture;
pub use isinglass_core as core;
pub use isinglass_data as data;
pub use isinglass_formats as formats;
pub use isinglass_model as model;
pub use isinglass_oracle as oracle;
pub use isinglass_probe as probe;
pub use isinglass_report as report;
pub use isinglass_stats as stats;
pub use isinglass_steer as steer;
pub use isinglass_studies as studies;

/// What most programs need, sites included.
pub mod prelude {
    pub use isinglass_capture::{Capture, Captured, Passages, Pos, Precision, Store, Subject};
    pub use isinglass_core::site::*;
    pub use isinglass_core::{
        ActivationSource, Cache, Cached, Device, Direction, Forward, Generate, Generation, Hook, Kind, Likelihood,
        Passage, Rows, Run, Sampler, Score, Site, SiteId, SiteSet, Stop, Tensor, TokenBatch, device, edit, edit_at,
        edit_each, observe,
    };
    pub use isinglass_data::{Dataset, Example, Texts, read_pairs};
    pub use isinglass_model::{ChatEnd, GeneratedText, Lens, Message, Model, ModelSource, Specials};
    pub use isinglass_probe::{
        Baselines, ClassMeans, CrossFit, CrossFitted, Features, Labels, LinearProbe, Logistic, Probe, Ridge, Scored,
    };
    pub use isinglass_report::{
        BarPlot, Cell, DataSource, HeatMap, LinePlot, NullBand, Origin, Provenance, Report, RocPlot, ScatterPlot, Table,
    };
    pub use isinglass_stats::{Bootstrap, Correction, Estimate, PermutationNull, Split, adjust};
    pub use isinglass_steer::{At, Directions, Steer, SteerArgument};
}

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The store's, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/STORE.md")]
struct StoreGuide;
