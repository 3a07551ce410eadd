//! Norms over the last axis.

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::views::{View, restored, vector};
use crate::{Cpu, threads};

/// Partial sums, so that a sum is vectorised and its order is fixed.
const LANES: usize = 16;

#[inline(always)]
pub(crate) fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += f(*x);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| f(*x)).sum::<f32>()
}

fn rms_row(x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
    wide(
        #[inline(always)]
        || {
            let mean = sum(x, |x| x * x) / x.len() as f32;
            let scale = 1.0 / (mean + eps).sqrt();
            out.iter_mut().zip(x).zip(gain).for_each(|((out, x), gain)| *out = x * scale * gain);
        },
    );
}

fn layer_row(x: &[f32], gain: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
    wide(
        #[inline(always)]
        || {
            let mean = sum(x, |x| x) / x.len() as f32;
            let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
            let scale = 1.0 / (variance + eps).sqrt();
            let row = out.iter_mut().zip(x).zip(gain.iter().zip(bias));
            row.for_each(|((out, x), (gain, bias))| *out = ((x - mean) * scale).mul_add(*gain, *bias));
        },
    );
}

impl Cpu {
    /// `x / sqrt(mean(x²) + eps) · gain` (Zhang & Sennrich 2019).
    ///
    /// # Shapes
    /// `[…, width]`, gain `[width]`
    pub fn rms_norm<const R: usize>(self, x: Tensor<R>, gain: Tensor<1>, eps: f64) -> Tensor<R> {
        let gain = vector(gain);
        rows(x, |x, out| rms_row(x, &gain, eps as f32, out))
    }

    /// `(x − mean) / sqrt(var + eps) · gain + bias`, biased variance (Ba et al. 2016).
    ///
    /// # Shapes
    /// `[…, width]`, gain and bias `[width]`
    pub fn layer_norm<const R: usize>(self, x: Tensor<R>, gain: Tensor<1>, bias: Tensor<1>, eps: f64) -> Tensor<R> {
        let (gain, bias) = (vector(gain), vector(bias));
        rows(x, |x, out| layer_row(x, &gain, &bias, eps as f32, out))
    }
}

/// A tensor of the same shape whose every last axis is made from that of `x`.
fn rows<const R: usize>(x: Tensor<R>, row: impl Fn(&[f32], &mut [f32]) + Sync) -> Tensor<R> {
    let x = View::new(x);
    let width = x.shape[R - 1].max(1);
    let mut out = vec![0.0; x.shape.iter().product()];
    let one = |mut n: usize, out: &mut [f32]| {
        let mut index = [0; R];
        for axis in (0..R - 1).rev() {
            index[axis] = n % x.shape[axis];
            n /= x.shape[axis];
        }
        let at = x.at(index);
        row(&x.storage()[at..at + width], out);
    };
    threads::rows(&mut out, width, 16, one);
    restored(out, x.shape)
}
