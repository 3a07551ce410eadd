//! Does a model tell cognitive, affective and instrumental empathy apart, and is that more than the words?
//!
//! Three replies to each of many accounts of a difficulty, one of each kind. A phase reads what the one before has left:
//! extraction (activations of every layer), probes (which layers tell the kinds apart), validation (what else could explain
//! it), and the verdicts: each claim supported, not supported or not testable, with its numbers.
//! All statistics keep the replies to one scenario together.

pub mod checks;
mod config;
mod data;
mod document;
mod extract;
mod kept;
mod sample;
mod sweep;
mod told;
mod validate;
mod verdict;

pub use config::Config;
pub use data::{Data, Set};
pub use document::{compared, probe_report, validation_report};
pub use extract::{Extraction, provenance, settings};
pub use kept::Kept;
pub use sample::{Item, Pool, Sample};
pub use sweep::{LayerFound, Probed, SWEPT, Sweep, probe};
pub use told::{Told, ask};
pub use validate::{Samples, Validated, validate};
pub use verdict::{Claim, Verdict, verdicts};
