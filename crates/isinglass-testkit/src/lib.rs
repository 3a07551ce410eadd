//! Golden fixtures, site conformance and comparisons for the tests of the workspace. Unpublished.
//!
//! What is here panics with a message, as tests do.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "this crate is for tests only"
)]

mod close;
mod conformance;
mod fixtures;
mod folder;
mod variants;

pub use close::{assert_close, values};
pub use conformance::{
    edits_change_the_logits, graph, sites_fire_once_with_their_shape, the_equations_hold, tokens_of,
};
pub use fixtures::{Expected, folders, in_root, own, root};
pub use folder::contents;
pub use variants::{built, variants};
