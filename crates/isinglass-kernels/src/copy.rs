//! Copies of views that are not in row-major order.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;

use crate::Cpu;
use crate::threads::parts;
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

/// A place for a number that is not there yet: a copy is bound by memory, and with zeros written first it took up
/// to 1.4 times as long.
pub(crate) type Blank = MaybeUninit<f32>;

/// A vector of `n` numbers, in chunks over the threads where there are many. Each call of `one` is given a chunk's number
/// and its place.
///
/// # Safety
/// `one` writes every element of the place it is given.
#[expect(unsafe_code, reason = "only the caller can know that everything is written")]
pub(crate) unsafe fn written(n: usize, size: usize, one: impl Fn(usize, &mut [Blank]) + Sync) -> Vec<f32> {
    let mut out = Vec::with_capacity(n);
    let room = &mut out.spare_capacity_mut()[..n];
    parts(n >= PARALLEL, room, size, one);
    // SAFETY: the chunks are all of the first `n` elements, and the caller promises that each chunk is written whole.
    unsafe { out.set_len(n) };
    out
}

/// Copies elements that lie `stride` apart, the first at `at`, to every element of `out`.
#[inline(always)]
pub(crate) fn line(from: &[f32], at: isize, stride: isize, out: &mut [Blank]) {
    if stride == 1 {
        out.write_copy_of_slice(&from[at as usize..at as usize + out.len()]);
    } else {
        for (i, out) in out.iter_mut().enumerate() {
            out.write(from[(at + i as isize * stride) as usize]);
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
        let start = layout.start_offset() as isize;
        let out = if n > 0 { copied(from, &merged(&shape, layout.strides()), start, n) } else { Vec::new() };
        restored(out, shape)
    }
}

/// The `n` elements of a view, of which there is one at least.
fn copied(from: &[f32], axes: &[Axis], start: isize, n: usize) -> Vec<f32> {
    let Some((inner, outer)) = axes.split_last() else { return vec![from[start as usize]] };
    // The axis along which neighbours lie next to each other.
    let near = outer.iter().enumerate().filter(|(_, axis)| axis.stride != 0).min_by_key(|(_, axis)| axis.stride.abs());
    match near {
        Some((near, axis)) if axis.stride.abs() < inner.stride.abs() => transposed(from, axes, near, start, n),
        _ => lines(from, outer, *inner, start, n),
    }
}

/// Copies a view line by line over its last axis.
fn lines(from: &[f32], outer: &[Axis], inner: Axis, start: isize, n: usize) -> Vec<f32> {
    const PER_JOB: usize = PARALLEL / 4;
    let part = |job: usize, out: &mut [Blank]| {
        line(from, start + (job * PER_JOB) as isize * inner.stride, inner.stride, out);
    };
    let per_job = PER_JOB.div_ceil(inner.n);
    let whole = |job: usize, out: &mut [Blank]| {
        for (out, at) in out.chunks_exact_mut(inner.n).zip(Walk::new(outer, start, job * per_job)) {
            line(from, at, inner.stride, out);
        }
    };
    // SAFETY: `line` writes all it is given, and a job's chunk is made of whole lines: `n` and the size of a chunk are
    // multiples of a line, or there is one line and a chunk is any part of it; a walk has no end.
    #[expect(unsafe_code, reason = "with zeros written first it takes up to 1.4 times as long")]
    unsafe {
        if outer.is_empty() { written(n, PER_JOB, part) } else { written(n, per_job * inner.n, whole) }
    }
}

/// Copies a view whose neighbours lie along the axis `near`, in squares over that axis and the last one.
fn transposed(from: &[f32], axes: &[Axis], near: usize, start: isize, n: usize) -> Vec<f32> {
    let (outer, rest) = (&axes[..near], &axes[near + 1..]);
    let (near, inner, middle) = (axes[near], rest[rest.len() - 1], &rest[..rest.len() - 1]);
    // Elements of the copy from one step along `near` to the next.
    let step: usize = rest.iter().map(|axis| axis.n).product();
    let band = |start: isize, out: &mut [Blank]| {
        for (column, at) in (0..step).step_by(inner.n).zip(Walk::new(middle, start, 0)) {
            squares(from, at, [near.stride, inner.stride], out, [step, column, inner.n]);
        }
    };
    let whole = |job: usize, out: &mut [Blank]| {
        let start = Walk::new(outer, start, job).at;
        for (n, out) in out.chunks_mut(SIDE * step).enumerate() {
            band(start + (n * SIDE) as isize * near.stride, out);
        }
    };
    let part = |job: usize, out: &mut [Blank]| band(start + (job * SIDE) as isize * near.stride, out);
    // SAFETY: a chunk is made of whole steps along `near`, `squares` writes those columns of each of them that it is told,
    // and the columns are walked to the end.
    #[expect(unsafe_code, reason = "with zeros written first it takes up to 1.4 times as long")]
    unsafe {
        if outer.is_empty() { written(n, SIDE * step, part) } else { written(n, near.n * step, whole) }
    }
}

/// `out[i · step + column + j] = from[at + i · down + j · right]` for `j < n` and every `i` that `out` has room for.
fn squares(from: &[f32], at: isize, [down, right]: [isize; 2], out: &mut [Blank], [step, column, n]: [usize; 3]) {
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
                            out.write(line[i]);
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
