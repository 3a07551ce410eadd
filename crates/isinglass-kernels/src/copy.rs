//! Copies of views that are not in row-major order.

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::Cpu;
use crate::views::{PARALLEL, flex, restored, wrapped};
use crate::wide::wide;

/// Side of the squares that are transposed at once: what a line of the cache holds.
const SIDE: usize = 16;

/// An axis of a view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) n: usize,
    pub(crate) stride: isize,
}

/// The axes of a view, those made one that can be walked as one.
fn merged(shape: &[usize], strides: &[isize]) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
    for (&n, &stride) in shape.iter().zip(strides).filter(|(n, _)| **n != 1) {
        match axes.last_mut() {
            Some(outer) if outer.stride == stride * n as isize => *outer = Axis { n: outer.n * n, stride },
            _ => axes.push(Axis { n, stride }),
        }
    }
    axes
}

/// Where elements lie, in row-major order of some axes, without end.
pub(crate) struct Walk<'a> {
    axes: &'a [Axis],
    index: Vec<usize>,
    at: isize,
}

impl<'a> Walk<'a> {
    /// From the `n`-th element on, where the first lies at `start`.
    pub(crate) fn new(axes: &'a [Axis], start: isize, mut n: usize) -> Self {
        let mut index = vec![0; axes.len()];
        let mut at = start;
        for (i, axis) in index.iter_mut().zip(axes).rev() {
            *i = n % axis.n;
            n /= axis.n;
            at += *i as isize * axis.stride;
        }
        Self { axes, index, at }
    }
}

impl Iterator for Walk<'_> {
    type Item = isize;

    fn next(&mut self) -> Option<isize> {
        let at = self.at;
        for (i, axis) in self.index.iter_mut().zip(self.axes).rev() {
            *i += 1;
            self.at += axis.stride;
            if *i < axis.n {
                break;
            }
            self.at -= axis.n as isize * axis.stride;
            *i = 0;
        }
        Some(at)
    }
}

/// Calls `one` with the number and the place of each chunk, over the threads where there is much to do.
pub(crate) fn each_chunk(out: &mut [f32], size: usize, one: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() < PARALLEL {
        out.chunks_mut(size).enumerate().for_each(|(n, out)| one(n, out));
    } else {
        out.par_chunks_mut(size).enumerate().for_each(|(n, out)| one(n, out));
    }
}

/// Copies elements that lie `stride` apart, the first at `at`.
#[inline(always)]
pub(crate) fn line(from: &[f32], at: isize, stride: isize, out: &mut [f32]) {
    if stride == 1 {
        out.copy_from_slice(&from[at as usize..at as usize + out.len()]);
    } else {
        for (i, out) in out.iter_mut().enumerate() {
            *out = from[(at + i as isize * stride) as usize];
        }
    }
}

impl Cpu {
    /// The same elements in row-major order, for any view: permuted, narrowed, repeated or turned round. What is in that
    /// order already, and alone in its memory, is given back as it is.
    pub fn contiguous<const R: usize>(self, x: Tensor<R>) -> Tensor<R> {
        let shape = x.dims();
        let n: usize = shape.iter().product();
        let tensor = flex(x);
        let (layout, from) = (tensor.layout(), tensor.storage::<f32>());
        if layout.is_contiguous() && layout.start_offset() == 0 && from.len() == n {
            return wrapped(tensor);
        }
        let mut out = vec![0.0; n];
        if n > 0 {
            copied(from, &merged(&shape, layout.strides()), layout.start_offset() as isize, &mut out);
        }
        restored(out, shape)
    }
}

fn copied(from: &[f32], axes: &[Axis], start: isize, out: &mut [f32]) {
    let Some((inner, outer)) = axes.split_last() else {
        out[0] = from[start as usize];
        return;
    };
    // The axis along which neighbours lie next to each other.
    let near = outer.iter().enumerate().filter(|(_, axis)| axis.stride != 0).min_by_key(|(_, axis)| axis.stride.abs());
    match near {
        Some((near, axis)) if axis.stride.abs() < inner.stride.abs() => {
            transposed(from, axes, near, start, out);
        }
        _ => lines(from, outer, *inner, start, out),
    }
}

/// Copies a view line by line over its last axis.
fn lines(from: &[f32], outer: &[Axis], inner: Axis, start: isize, out: &mut [f32]) {
    const PER_JOB: usize = PARALLEL / 4;
    if outer.is_empty() {
        each_chunk(out, PER_JOB, |n, out| line(from, start + (n * PER_JOB) as isize * inner.stride, inner.stride, out));
        return;
    }
    let per_job = PER_JOB.div_ceil(inner.n);
    each_chunk(out, per_job * inner.n, |n, out| {
        for (out, at) in out.chunks_exact_mut(inner.n).zip(Walk::new(outer, start, n * per_job)) {
            line(from, at, inner.stride, out);
        }
    });
}

/// Copies a view whose neighbours lie along the axis `near`, in squares over that axis and the last one.
fn transposed(from: &[f32], axes: &[Axis], near: usize, start: isize, out: &mut [f32]) {
    let (outer, rest) = axes.split_at(near);
    let Some((near, rest)) = rest.split_first() else { return };
    let Some((inner, middle)) = rest.split_last() else { return };
    // Elements of `out` from one step along `near` to the next.
    let step: usize = rest.iter().map(|axis| axis.n).product();
    let band = |start: isize, (n, out): (usize, &mut [f32])| {
        let start = start + (n * SIDE) as isize * near.stride;
        let columns = (0..step).step_by(inner.n).zip(Walk::new(middle, start, 0));
        for (column, at) in columns {
            square_by_square(from, at, [near.stride, inner.stride], out, [step, column, inner.n]);
        }
    };
    let whole = near.n * step;
    if out.len() < PARALLEL {
        for (out, start) in out.chunks_exact_mut(whole).zip(Walk::new(outer, start, 0)) {
            out.chunks_mut(SIDE * step).enumerate().for_each(|job| band(start, job));
        }
    } else {
        out.par_chunks_exact_mut(whole).enumerate().for_each(|(n, out)| {
            let start = Walk::new(outer, start, n).at;
            out.par_chunks_mut(SIDE * step).enumerate().for_each(|job| band(start, job));
        });
    }
}

/// `out[i · step + column + j] = from[at + i · down + j · right]` for `j < n` and every `i` that `out` has room for.
fn square_by_square(
    from: &[f32],
    at: isize,
    [down, right]: [isize; 2],
    out: &mut [f32],
    [step, column, n]: [usize; 3],
) {
    let height = out.len() / step;
    wide(
        #[inline(always)]
        || {
            for first in (0..n).step_by(SIDE) {
                let width = SIDE.min(n - first);
                let at = at + first as isize * right;
                if down == 1 && height == SIDE && width == SIDE {
                    let mut square = [[0.0; SIDE]; SIDE];
                    for (j, line) in square.iter_mut().enumerate() {
                        let at = (at + j as isize * right) as usize;
                        line.copy_from_slice(&from[at..at + SIDE]);
                    }
                    for i in 0..SIDE {
                        let out = &mut out[i * step + column + first..][..SIDE];
                        for (out, line) in out.iter_mut().zip(&square) {
                            *out = line[i];
                        }
                    }
                } else {
                    for i in 0..height {
                        line(from, at + i as isize * down, right, &mut out[i * step + column + first..][..width]);
                    }
                }
            }
        },
    );
}
