//! Softmax over the last axis.

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::Cpu;
use crate::copy::{Blank, written};
use crate::math::exp;
use crate::norm::sum;
use crate::views::{View, restored};

/// `e^(x − max)` in place; gives back the sum.
#[inline(always)]
pub(crate) fn exponentials(x: &mut [f32]) -> f32 {
    let mut top = [f32::NEG_INFINITY; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        for (top, x) in top.iter_mut().zip(chunk) {
            *top = if *x > *top { *x } else { *top };
        }
    }
    let top = top.iter().chain(rest).fold(f32::NEG_INFINITY, |top, x| if *x > top { *x } else { top });
    for x in x.iter_mut() {
        *x = exp(*x - top);
    }
    sum(x, |x| x)
}

fn row(x: &mut [f32]) {
    wide(
        #[inline(always)]
        || {
            let by = 1.0 / exponentials(x);
            for x in x.iter_mut() {
                *x *= by;
            }
        },
    );
}

impl Cpu {
    /// Softmax over the last axis.
    ///
    /// −∞ gives exactly 0, unless all are −∞ or one is +∞ or NaN: then the row is NaN, as it is in Burn.
    pub fn softmax<const R: usize>(self, x: Tensor<R>) -> Tensor<R> {
        let x = self.contiguous(x);
        let shape = x.dims();
        let width = shape[R - 1].max(1);
        let x = View::new(x);
        let from = &x.storage()[x.at([0; R])..];
        let together = 16 * width;
        let job = |n: usize, out: &mut [Blank]| {
            for (out, x) in out.chunks_exact_mut(width).zip(from[n * together..].chunks_exact(width)) {
                row(out.write_copy_of_slice(x));
            }
        };
        // SAFETY: what is given out is whole rows, and each is written.
        #[expect(unsafe_code, reason = "a pattern is large: clearing it first would take as long")]
        let out = unsafe { written(shape.iter().product(), together, job) };
        restored(out, shape)
    }
}
