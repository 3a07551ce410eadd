//! Fused kernels for a decoder on the CPU.
//!
//! They run on tensors of Burn's flex backend, in f32, and only there: [`Cpu::of`] says whether a tensor is one of these. On
//! other devices, under autodiff and while operations are captured it is none, and the caller does with plain Burn what
//! the kernel's documentation says it does. Tests hold every kernel to that.
//!
//! Instructions are chosen at run time by what the processor has (pulp), with a portable path; large inputs are spread over
//! threads, as many as rayon has, one sum never over two, so a result does not depend on their number.
#![expect(
    clippy::inline_always,
    reason = "a loop is vectorised for the instructions of the function it is inlined into"
)]

mod activation;
mod attention;
mod copy;
mod math;
mod norm;
mod pattern;
mod pick;
mod project;
mod rope;
mod softmax;
mod threads;
mod top;
mod views;
mod wide;

use burn::tensor::{Device, Tensor};

pub use activation::Activation;
pub use attention::Scores;
pub use project::Weights;
pub use rope::Turns;
pub use wide::instructions;

/// The right to run kernels on a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Cpu(());

impl Cpu {
    /// Whether the kernels run on tensors of a device.
    pub fn runs_on(device: &Device) -> bool {
        wide::is_on() && views::is_flex(device)
    }

    /// Whether the kernels run on this tensor and on what is computed from it: one of the flex backend, not tracked by
    /// autodiff; never where the variable `ISINGLASS_KERNELS` is `off`.
    pub fn of<const R: usize>(x: &Tensor<R>) -> Option<Self> {
        Self::runs_on(&x.device()).then_some(Self(()))
    }
}
