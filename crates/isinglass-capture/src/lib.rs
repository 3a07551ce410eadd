//! Activations of many texts at chosen sites and positions, as rows.
//!
//! Use this crate when an algorithm wants one row per text rather than tensors of a batch.
//! It does not know which model it runs: it takes any [`Forward`](isinglass_core::Forward).

mod capture;
mod gather;

pub use capture::{Capture, CaptureError, Captured};
pub use gather::Pos;
