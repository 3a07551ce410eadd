//! Causal attention that never makes the whole pattern.

use std::ops::Range;

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::Cpu;
use crate::copy::Blank;
use crate::math::tanh;
use crate::softmax::exponentials;
use crate::threads::{Pieces, parts, shared};
use crate::views::{View, restored};

/// Queries that are worked on together: few enough that the work splits evenly, many enough for a matrix product.
const BLOCK: usize = 32;

/// Multiplications below which threads cost more than they bring.
pub(crate) const PARALLEL: usize = 1 << 17;

/// What becomes of query · key, and which keys a query sees.
#[derive(Debug, Clone)]
pub struct Scores {
    /// What query · key is multiplied by.
    pub scale: f64,
    /// Scores `s` become `cap · tanh(s / cap)`.
    pub softcap: Option<f64>,
    /// Columns of keys that a query sees, never none: `[1 or batch, pos]` in row-major order.
    pub seen: Vec<Range<usize>>,
}

impl Scores {
    pub(crate) fn seen(&self, row: usize, pos: usize, n_pos: usize) -> Range<usize> {
        let row = if self.seen.len() == n_pos { 0 } else { row };
        self.seen[row * n_pos + pos].clone()
    }

    /// Scaled and capped.
    pub(crate) fn scaled(&self, x: &mut [f32]) {
        wide(
            #[inline(always)]
            || self.scale(x),
        );
    }

    #[inline(always)]
    fn scale(&self, x: &mut [f32]) {
        let scale = self.scale as f32;
        for x in x.iter_mut() {
            *x *= scale;
        }
        if let Some(cap) = self.softcap {
            let cap = cap as f32;
            for x in x.iter_mut() {
                *x = tanh(*x / cap) * cap;
            }
        }
    }

    /// Scaled, capped, and exponentials taken of; gives back what to multiply by so that they sum to 1.
    fn weights(&self, x: &mut [f32]) -> f32 {
        wide(
            #[inline(always)]
            || {
                self.scale(x);
                1.0 / exponentials(x)
            },
        )
    }
}

impl Cpu {
    /// `softmax(cap(q · k · scale)) · v` over the keys each query sees, grouped heads without repeating keys or values.
    ///
    /// # Shapes
    /// q `[batch, pos, head, d_head]`, k and v `[batch, kv_head, key, d_head]`, to `[batch, pos, head, d_head]`
    pub fn attention(self, q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, scores: &Scores) -> Tensor<4> {
        let (q, k, v) = (View::new(q), View::new(k), View::new(v));
        let [batch, pos, heads, d_head] = q.shape;
        let is_much = batch * pos * heads * d_head * k.shape[2] >= PARALLEL;
        if pos == 1 {
            let mut out = vec![0.0; batch * heads * d_head];
            let group = heads / k.shape[1] * d_head;
            parts(is_much, &mut out, group, |n, out| one_token(&q, &k, &v, scores, n, out));
            return restored(out, q.shape);
        }
        let one = |row: usize, first: usize, out: &mut [Blank]| block(&q, &k, &v, scores, [row, first], out);
        #[expect(unsafe_code, reason = "results are written to memory that was not cleared before")]
        // SAFETY: `block` writes all heads of the positions it is given.
        let out = unsafe { in_blocks(is_much, [batch, pos, heads * d_head], one) };
        restored(out, q.shape)
    }
}

/// New values `[outer, pos, width]`: `block` gets the outer index, the first position and the place of each block of
/// positions.
///
/// # Safety
/// `block` writes every element of the place it is given.
#[expect(unsafe_code, reason = "only the caller can know that everything is written")]
pub(crate) unsafe fn in_blocks(
    is_much: bool,
    [outer, pos, width]: [usize; 3],
    block: impl Fn(usize, usize, &mut [Blank]) + Sync,
) -> Vec<f32> {
    let n = outer * pos * width;
    let mut out = Vec::with_capacity(n);
    let blocks = if n == 0 { 0 } else { pos.div_ceil(BLOCK) };
    let pieces = Pieces::of(&mut out.spare_capacity_mut()[..n]);
    shared(is_much, outer * blocks, |job| {
        let (index, first) = (job / blocks, job % blocks * BLOCK);
        let from = (index * pos + first) * width;
        // SAFETY: blocks do not overlap, and each is worked on once.
        block(index, first, unsafe { pieces.get(from..from + BLOCK.min(pos - first) * width) });
    });
    // SAFETY: blocks are all positions of all outer indices, and the caller promises that each is written whole.
    unsafe { out.set_len(n) };
    out
}

/// All heads of the queries from `first` on, as many as `out` has room for: `[query, head, d_head]`.
fn block(q: &View<4>, k: &View<4>, v: &View<4>, scores: &Scores, [row, first]: [usize; 2], out: &mut [Blank]) {
    let [_, pos, heads, d_head] = q.shape;
    let group = heads / k.shape[1];
    let n = out.len() / (heads * d_head);
    let seen: Vec<Range<usize>> = (first..first + n).map(|query| scores.seen(row, query, pos)).collect();
    let (from, to) = seen.iter().fold((usize::MAX, 0), |(from, to), seen| (from.min(seen.start), to.max(seen.end)));
    let width = to - from;
    let mut weights = vec![0.0; n * width];
    let mut mixed = vec![0.0; n * d_head];
    let mut shares = [0.0; BLOCK];
    for head in 0..heads {
        let queries = Matrix { values: &q.storage()[q.at([row, first, head, 0])..], row: q.stride(1), column: 1 };
        let at = [row, head / group, from, 0];
        // Keys as columns.
        let keys = Matrix { values: &k.storage()[k.at(at)..], row: 1, column: k.stride(2) };
        product([n, width, d_head], &mut weights, queries, keys);
        for ((weights, seen), share) in weights.chunks_exact_mut(width).zip(&seen).zip(&mut shares) {
            let (start, end) = (seen.start - from, seen.end - from);
            weights[..start].fill(0.0);
            weights[end..].fill(0.0);
            *share = scores.weights(&mut weights[start..end]);
        }
        let values = Matrix { values: &v.storage()[v.at(at)..], row: v.stride(2), column: 1 };
        product([n, d_head, width], &mut mixed, Matrix { values: &weights, row: width, column: 1 }, values);
        for ((mixed, share), out) in mixed.chunks_exact(d_head).zip(&shares).zip(out.chunks_exact_mut(heads * d_head)) {
            let out = &mut out[head * d_head..(head + 1) * d_head];
            out.iter_mut().zip(mixed).for_each(|(out, mixed)| _ = out.write(mixed * share));
        }
    }
}

/// The query heads of one row that share the `n`-th key head, with one query each: `[head, d_head]`.
fn one_token(q: &View<4>, k: &View<4>, v: &View<4>, scores: &Scores, n: usize, out: &mut [f32]) {
    let [_, _, heads, d_head] = q.shape;
    let kv_heads = k.shape[1];
    let (row, kv_head, group) = (n / kv_heads, n % kv_heads, heads / kv_heads);
    let seen = scores.seen(row, 0, 1);
    let mut weights = vec![0.0; group * seen.len()];
    let of = |x: &View<4>, key: usize| {
        let at = x.at([row, kv_head, key, 0]);
        at..at + d_head
    };
    wide(
        #[inline(always)]
        || {
            for (i, key) in seen.clone().enumerate() {
                let key = &k.storage()[of(k, key)];
                for g in 0..group {
                    let at = q.at([row, 0, kv_head * group + g, 0]);
                    weights[g * seen.len() + i] = dot(&q.storage()[at..at + d_head], key);
                }
            }
        },
    );
    let shares: Vec<f32> = weights.chunks_exact_mut(seen.len()).map(|weights| scores.weights(weights)).collect();
    wide(
        #[inline(always)]
        || {
            for (i, key) in seen.clone().enumerate() {
                let value = &v.storage()[of(v, key)];
                for (g, out) in out.chunks_exact_mut(d_head).enumerate() {
                    let weight = weights[g * seen.len() + i];
                    out.iter_mut().zip(value).for_each(|(out, value)| *out = weight.mul_add(*value, *out));
                }
            }
        },
    );
    for (out, share) in out.chunks_exact_mut(d_head).zip(shares) {
        for out in out {
            *out *= share;
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..16 {
            lanes[i] = a[i].mul_add(b[i], lanes[i]);
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// A matrix that lies in a slice, element `[i, j]` at `i · row + j · column`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl Matrix<'_> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row + (columns - 1) * self.column < self.values.len()
    }
}

/// `out[m, n] = a[m, k] · b[k, n]`, on this thread.
pub(crate) fn product([m, n, k]: [usize; 3], out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    if m * n * k == 0 {
        out[..m * n].fill(0.0);
        return;
    }
    assert!(m * n <= out.len() && a.holds(m, k) && b.holds(k, n), "matrices larger than their slices");
    // SAFETY: the last element of each matrix lies in its slice by the line above, and so does every other, as strides are
    // not negative; `out` is borrowed alone, and each of its elements is written once.
    #[expect(unsafe_code, reason = "the product of matrices works on pointers")]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
