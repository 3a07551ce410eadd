//! What tests of kernels share.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses some of it; the helpers of a test fail by panicking")]

use std::env;
use std::process::Command;

use burn::tensor::{Device, Tensor, TensorData};
use isinglass_kernels::Cpu;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) struct Draw(pub(crate) ChaCha8Rng);

impl Draw {
    pub(crate) fn values(&mut self, n: usize, width: f32) -> Vec<f32> {
        (0..n).map(|_| self.0.random_range(-width..width)).collect()
    }

    pub(crate) fn tensor<const R: usize>(&mut self, shape: [usize; R], width: f32) -> Tensor<R> {
        of(self.values(shape.iter().product(), width), shape)
    }
}

pub(crate) fn draw(seed: u64) -> Draw {
    Draw(ChaCha8Rng::seed_from_u64(seed))
}

pub(crate) fn of<const R: usize>(values: Vec<f32>, shape: [usize; R]) -> Tensor<R> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

pub(crate) fn values<const R: usize>(x: Tensor<R>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

#[track_caller]
pub(crate) fn close<const R: usize>(what: &str, actual: Tensor<R>, expected: Tensor<R>, tolerance: f32) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    for (i, (a, e)) in values(actual).into_iter().zip(values(expected)).enumerate() {
        let same =
            a.to_bits() == e.to_bits() || a.is_nan() && e.is_nan() || (a - e).abs() <= tolerance * (1.0 + e.abs());
        assert!(same, "{what}: value {i} is {a}, expected {e}");
    }
}

/// A kernel's right, which is refused where it has none.
pub(crate) fn cpu<const R: usize>(x: &Tensor<R>) -> Cpu {
    Cpu::of(x).unwrap()
}

/// Runs this file's tests again with every narrower kind of instructions that this processor has.
///
/// Does nothing in a run that it started.
pub(crate) fn with_narrower_instructions() {
    const VARIABLE: &str = "ISINGLASS_KERNELS";
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    for level in ["avx2", "portable"] {
        let run = Command::new(env::current_exe().unwrap()).env(VARIABLE, level).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("test result: ok"), "{level}: {said}");
    }
}
