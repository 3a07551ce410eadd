//! One strip of a product: some rows of a stream times some rows of weights.

use std::array;
use std::ops::Range;

use burn::tensor::bf16;
use pulp::{Simd, WithSimd};

use super::aligned;
use crate::wide::with_vectors;

/// Columns of a result that are computed together: three of the widest vectors.
pub(super) const STRIP: usize = 48;

/// Rows of a stream below which packing weights costs more than it brings.
pub(super) const FEW: usize = 16;

/// Longest part of a dot product that is summed in registers; the packed weights of one then stay in the second cache.
const DEPTH: usize = 512;

/// A matrix whose rows lie in one piece each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    /// From one to the next.
    pub(super) row: usize,
}

impl<'a> Rows<'a> {
    fn part(&self, row: usize, from: usize, len: usize) -> &'a [f32] {
        &self.values[row * self.row + from..][..len]
    }
}

/// Rows of weights as they are stored.
#[derive(Clone, Copy)]
pub(super) enum Stored<'a> {
    F32(Rows<'a>),
    Bf16 { values: &'a [bf16], row: usize },
}

impl Stored<'_> {
    /// Columns `[first, first + len)` of some rows, as rows from 0 on.
    #[inline(always)]
    fn part<'b>(&'b self, rows: Range<usize>, first: usize, len: usize, widened: &'b mut Vec<f32>) -> Rows<'b> {
        match self {
            Self::F32(stored) => Rows { values: &stored.values[rows.start * stored.row + first..], row: stored.row },
            Self::Bf16 { values, row } => {
                let wide = aligned(widened, rows.len() * len);
                for (wide, i) in wide.chunks_exact_mut(len).zip(rows) {
                    let narrow = &values[i * row + first..][..len];
                    // The upper half of an f32 is the bf16 of its value.
                    wide.iter_mut().zip(narrow).for_each(|(w, n)| *w = f32::from_bits(u32::from(n.to_bits()) << 16));
                }
                Rows { values: wide, row: len }
            }
        }
    }
}

/// What a strip is worked out in.
pub(super) struct Memory {
    pub(super) packed: Vec<f32>,
    pub(super) widened: Vec<f32>,
}

/// Sets `product[i][j]`, rows of [`STRIP`], to the dot product of row `i` of `x` and row `columns.start + j` of
/// `weights`, both of length `k`. For many rows weights are packed first.
///
/// A result depends on whether the stream has few rows (its terms are summed in another order then), and on nothing else
/// that lies beside its row.
pub(super) fn filled(
    product: &mut [f32],
    x: Rows<'_>,
    weights: Stored<'_>,
    k: usize,
    columns: Range<usize>,
    few: bool,
    memory: &mut Memory,
) {
    let product = product.as_chunks_mut::<STRIP>().0;
    if k == 0 {
        product.fill([0.0; STRIP]);
        return;
    }
    let strip = Strip { product, x, weights, k, columns, memory };
    if few { with_vectors(Dots(strip)) } else { with_vectors(Tiles(strip)) }
}

struct Strip<'a> {
    product: &'a mut [[f32; STRIP]],
    x: Rows<'a>,
    weights: Stored<'a>,
    k: usize,
    columns: Range<usize>,
    memory: &'a mut Memory,
}

/// Weights read as they lie: each dot product by itself.
struct Dots<'a>(Strip<'a>);

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        const W: usize = 4;
        let Strip { product, x, weights, k, columns, memory } = self.0;
        for (n, j) in columns.clone().step_by(W).enumerate() {
            let rows = j..columns.end.min(j + W);
            let last = rows.len() - 1;
            let part = weights.part(rows, 0, k, &mut memory.widened);
            // The last rows are computed again rather than fewer: there is room for the results.
            let w: [&[f32]; W] = array::from_fn(|r| part.part(r.min(last), 0, k));
            let at = n * W;
            let mut done = 0;
            if S::F32_LANES >= 16 {
                done = dots::<S, 4, W>(simd, product, x, w, at, done);
            }
            done = dots::<S, 2, W>(simd, product, x, w, at, done);
            dots::<S, 1, W>(simd, product, x, w, at, done);
        }
    }
}

/// The dot products of `X` rows at a time with `W` rows of weights, from row `done` on; gives back the first row left.
#[inline(always)]
fn dots<S: Simd, const X: usize, const W: usize>(
    simd: S,
    product: &mut [[f32; STRIP]],
    x: Rows<'_>,
    w: [&[f32]; W],
    at: usize,
    mut done: usize,
) -> usize {
    let k = w[0].len();
    let whole = k / S::F32_LANES;
    let ws: [&[S::f32s]; W] = array::from_fn(|r| &S::as_simd_f32s(w[r]).0[..whole]);
    while done + X <= product.len() {
        let rows: [&[f32]; X] = array::from_fn(|r| x.part(done + r, 0, k));
        let xs: [&[S::f32s]; X] = array::from_fn(|r| &S::as_simd_f32s(rows[r]).0[..whole]);
        let mut sums = [[simd.splat_f32s(0.0); W]; X];
        for p in 0..whole {
            for i in 0..X {
                for j in 0..W {
                    sums[i][j] = simd.mul_add_f32s(xs[i][p], ws[j][p], sums[i][j]);
                }
            }
        }
        let rest = whole * S::F32_LANES;
        if rest < k {
            for i in 0..X {
                let x = simd.partial_load_f32s(&rows[i][rest..]);
                for j in 0..W {
                    sums[i][j] = simd.mul_add_f32s(x, simd.partial_load_f32s(&w[j][rest..]), sums[i][j]);
                }
            }
        }
        for i in 0..X {
            for j in 0..W {
                product[done + i][at + j] = simd.reduce_sum_f32s(sums[i][j]);
            }
        }
        done += X;
    }
    done
}

/// Weights packed first, so that a vector of them meets one element of the stream.
struct Tiles<'a>(Strip<'a>);

impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as leave registers for what is multiplied: 24 of 32, or 12 of 16.
        match S::F32_LANES {
            16 => tiles::<S, 8, 3>(simd, self.0),
            8 => tiles::<S, 6, 2>(simd, self.0),
            _ if cfg!(target_arch = "aarch64") => tiles::<S, 8, 3>(simd, self.0),
            _ => tiles::<S, 4, 2>(simd, self.0),
        }
    }
}

/// `ROWS` rows by `WIDTH` vectors at a time.
#[inline(always)]
fn tiles<S: Simd, const ROWS: usize, const WIDTH: usize>(simd: S, strip: Strip<'_>) {
    let Strip { product, x, weights, k, columns, memory } = strip;
    let width = WIDTH * S::F32_LANES;
    let depth = k.div_ceil(k.div_ceil(DEPTH));
    for first in (0..k).step_by(depth) {
        let depth = depth.min(k - first);
        for at in (0..columns.len()).step_by(width) {
            let panel = aligned(&mut memory.packed, depth * width);
            let from = columns.start + at;
            let rows = from..columns.end.min(from + width);
            pack(weights.part(rows.clone(), first, depth, &mut memory.widened), rows.len(), panel, width);
            let panel = S::as_simd_f32s(panel).0.as_chunks::<WIDTH>().0;
            let mut row = 0;
            while row + ROWS <= product.len() {
                tile::<S, ROWS, WIDTH>(simd, &mut product[row..], at, panel, x, [row, first]);
                row += ROWS;
            }
            while row + 2 <= product.len() {
                tile::<S, 2, WIDTH>(simd, &mut product[row..], at, panel, x, [row, first]);
                row += 2;
            }
            if row < product.len() {
                tile::<S, 1, WIDTH>(simd, &mut product[row..], at, panel, x, [row, first]);
            }
        }
    }
}

/// Adds the products of one part of the depth; the first part sets them.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize, const WIDTH: usize>(
    simd: S,
    product: &mut [[f32; STRIP]],
    at: usize,
    panel: &[[S::f32s; WIDTH]],
    x: Rows<'_>,
    [row, first]: [usize; 2],
) {
    let depth = panel.len();
    let x: [&[f32]; ROWS] = array::from_fn(|r| x.part(row + r, first, depth));
    let mut sums = [[simd.splat_f32s(0.0); WIDTH]; ROWS];
    for p in 0..depth {
        for r in 0..ROWS {
            let x = simd.splat_f32s(x[r][p]);
            for v in 0..WIDTH {
                sums[r][v] = simd.mul_add_f32s(x, panel[p][v], sums[r][v]);
            }
        }
    }
    for r in 0..ROWS {
        let product = &mut product[r][at..at + WIDTH * S::F32_LANES];
        for (sum, product) in sums[r].iter().zip(S::as_mut_simd_f32s(product).0) {
            *product = if first == 0 { *sum } else { simd.add_f32s(*product, *sum) };
        }
    }
}

/// Rows of weights as columns: `panel[p][j]` is element `p` of row `j`, 0 where there is no row.
#[inline(always)]
fn pack(weights: Rows<'_>, rows: usize, panel: &mut [f32], width: usize) {
    const N: usize = 4;
    let depth = panel.len() / width;
    let mut j = 0;
    while j + N <= rows {
        let from: [&[f32]; N] = array::from_fn(|r| weights.part(j + r, 0, depth));
        let blocks: [&[[f32; N]]; N] = array::from_fn(|r| &from[r].as_chunks::<N>().0[..depth / N]);
        for (b, to) in panel.chunks_exact_mut(N * width).enumerate() {
            let block: [[f32; N]; N] = array::from_fn(|r| blocks[r][b]);
            for (p, to) in to.chunks_exact_mut(width).enumerate() {
                to[j..j + N].copy_from_slice(&[block[0][p], block[1][p], block[2][p], block[3][p]]);
            }
        }
        for p in depth / N * N..depth {
            for r in 0..N {
                panel[p * width + j + r] = from[r][p];
            }
        }
        j += N;
    }
    for j in j..width {
        let from = if j < rows { weights.part(j, 0, depth) } else { &[] };
        for (p, to) in panel.chunks_exact_mut(width).enumerate() {
            to[j] = from.get(p).copied().unwrap_or_default();
        }
    }
}
