//! Softmax over the last axis.

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::Cpu;
use crate::math::exp;
use crate::norm::sum;
use crate::threads::rows;
use crate::views::{PARALLEL, owned, wrapped};

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
    /// Softmax over the last axis, in place where nobody else holds `x`.
    ///
    /// −∞ gives exactly 0, unless all are −∞ or one is +∞ or NaN: then the row is NaN, as it is in Burn.
    pub fn softmax<const R: usize>(self, x: Tensor<R>) -> Tensor<R> {
        let (mut x, shape) = owned(x);
        let width = shape[R - 1].max(1);
        let values = x.storage_mut::<f32>();
        if values.len() < PARALLEL {
            values.chunks_exact_mut(width).for_each(row);
        } else {
            rows(values, width, 16, |_, values| row(values));
        }
        wrapped(x)
    }
}
