//! Activation functions, alone and gated.

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::Cpu;
use crate::copy::{Blank, written};
use crate::math::{erf, sigmoid, tanh};
use crate::views::{PARALLEL, View, restored};

/// What one thread works on at a time.
const PART: usize = PARALLEL / 4;

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`.
    Silu,
    /// `x · Φ(x)` with the error function.
    Gelu,
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    // Not x · 0 at −∞, which is no number.
    if x == f32::NEG_INFINITY { 0.0 } else { x * sigmoid(x) }
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let share = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    if x == f32::NEG_INFINITY { 0.0 } else { x * share }
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    let inner = SQRT_2_OVER_PI * (x * x * x).mul_add(0.044_715, x);
    let share = 0.5 * (1.0 + tanh(inner));
    if x == f32::NEG_INFINITY { 0.0 } else { x * share }
}

#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// Calls `$each` with some arguments and the function of an activation: one loop for each function, so that each is
/// vectorised.
macro_rules! with_function {
    ($activation:expr, $each:ident($($argument:expr),*)) => {
        match $activation {
            Activation::Silu => $each($($argument),*, silu),
            Activation::Gelu => $each($($argument),*, gelu),
            Activation::GeluTanh => $each($($argument),*, gelu_tanh),
            Activation::Relu => $each($($argument),*, relu),
        }
    };
}

impl Activation {
    pub(crate) fn apply(self, x: &mut [f32]) {
        #[inline(always)]
        fn each(x: &mut [f32], f: impl Fn(f32) -> f32) {
            for x in x.iter_mut() {
                *x = f(*x);
            }
        }
        wide(
            #[inline(always)]
            || with_function!(self, each(x)),
        );
    }

    pub(crate) fn gate(self, gate: &mut [f32], up: &[f32]) {
        #[inline(always)]
        fn each(gate: &mut [f32], up: &[f32], f: impl Fn(f32) -> f32) {
            gate.iter_mut().zip(up).for_each(|(gate, up)| *gate = f(*gate) * up);
        }
        wide(
            #[inline(always)]
            || with_function!(self, each(gate, up)),
        );
    }
}

impl Cpu {
    /// `f(x)`.
    pub fn activate<const R: usize>(self, f: Activation, x: Tensor<R>) -> Tensor<R> {
        let x = View::new(self.contiguous(x));
        let from = &x.storage()[x.at([0; R])..];
        let job = |n: usize, out: &mut [Blank]| {
            let x = &from[n * PART..][..out.len()];
            f.apply(out.write_copy_of_slice(x));
        };
        // SAFETY: all of what is given out is written.
        #[expect(unsafe_code, reason = "clearing the result first would take as long as writing it")]
        let out = unsafe { written(x.shape.iter().product(), PART, job) };
        restored(out, x.shape)
    }

    /// `f(gate) · up`.
    ///
    /// # Shapes
    /// Both the same.
    ///
    /// # Panics
    /// If they are not.
    pub fn gated<const R: usize>(self, f: Activation, gate: Tensor<R>, up: Tensor<R>) -> Tensor<R> {
        let [gate, up] = [gate, up].map(|x| View::new(self.contiguous(x)));
        assert_eq!(gate.shape, up.shape, "a gate for each neuron");
        let (gates, ups) = (&gate.storage()[gate.at([0; R])..], &up.storage()[up.at([0; R])..]);
        let job = |n: usize, out: &mut [Blank]| {
            let (from, len) = (n * PART, out.len());
            f.gate(out.write_copy_of_slice(&gates[from..][..len]), &ups[from..][..len]);
        };
        // SAFETY: all of what is given out is written.
        #[expect(unsafe_code, reason = "clearing the result first would take as long as writing it")]
        let out = unsafe { written(gate.shape.iter().product(), PART, job) };
        restored(out, gate.shape)
    }
}
