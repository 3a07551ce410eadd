//! Attention in the pieces that a hook may want: scores, and values mixed by a pattern.

use burn::tensor::Tensor;

use crate::Cpu;
use crate::attention::{Matrix, PARALLEL, Scores, in_blocks, product};
use crate::copy::Blank;
use crate::views::{View, restored};

impl Cpu {
    /// `cap(q · k · scale)`, −∞ where a query does not see a key; grouped heads without repeating keys.
    ///
    /// # Shapes
    /// q `[batch, pos, head, d_head]`, k `[batch, kv_head, key, d_head]`, to `[batch, head, pos, key]`
    pub fn scores(self, q: Tensor<4>, k: Tensor<4>, scores: &Scores) -> Tensor<4> {
        let (q, k) = (View::new(q), View::new(k));
        let ([batch, pos, heads, d_head], [_, kv_heads, keys, _]) = (q.shape, k.shape);
        let group = heads / kv_heads;
        let is_much = batch * pos * heads * d_head * keys >= PARALLEL;
        let block = |n: usize, first: usize, out: &mut [Blank]| {
            let (row, head) = (n / heads, n % heads);
            let queries = Matrix { values: &q.storage()[q.at([row, first, head, 0])..], row: q.stride(1), column: 1 };
            let as_columns =
                Matrix { values: &k.storage()[k.at([row, head / group, 0, 0])..], row: 1, column: k.stride(2) };
            let mut products = vec![0.0; out.len()];
            product([out.len() / keys, keys, d_head], &mut products, queries, as_columns);
            for (i, (out, products)) in out.chunks_exact_mut(keys).zip(products.chunks_exact_mut(keys)).enumerate() {
                let seen = scores.seen(row, first + i, pos);
                scores.scaled(&mut products[seen.clone()]);
                products[..seen.start].fill(f32::NEG_INFINITY);
                products[seen.end..].fill(f32::NEG_INFINITY);
                out.write_copy_of_slice(products);
            }
        };
        #[expect(unsafe_code, reason = "a pattern is large: one thread alone would clear it first")]
        // SAFETY: `block` writes the row of keys of every position it is given.
        let out = unsafe { in_blocks(is_much, [batch * heads, pos, keys], block) };
        restored(out, [batch, heads, pos, keys])
    }

    /// `pattern · v`, grouped heads without repeating values.
    ///
    /// # Shapes
    /// pattern `[batch, head, pos, key]`, v `[batch, kv_head, key, d_head]`, to `[batch, pos, head, d_head]`
    pub fn mixed(self, pattern: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
        let (pattern, v) = (View::new(pattern), View::new(v));
        let ([batch, heads, pos, keys], [_, kv_heads, _, d_head]) = (pattern.shape, v.shape);
        let group = heads / kv_heads;
        let is_much = batch * pos * heads * d_head * keys >= PARALLEL;
        let block = |row: usize, first: usize, out: &mut [Blank]| {
            let n = out.len() / (heads * d_head);
            let mut mixed = vec![0.0; n * d_head];
            for head in 0..heads {
                let weights = &pattern.storage()[pattern.at([row, head, first, 0])..];
                let weights = Matrix { values: weights, row: pattern.stride(2), column: 1 };
                let values = &v.storage()[v.at([row, head / group, 0, 0])..];
                product([n, d_head, keys], &mut mixed, weights, Matrix { values, row: v.stride(2), column: 1 });
                for (out, mixed) in out.chunks_exact_mut(heads * d_head).zip(mixed.chunks_exact(d_head)) {
                    out[head * d_head..(head + 1) * d_head].write_copy_of_slice(mixed);
                }
            }
        };
        #[expect(unsafe_code, reason = "results are written to memory that was not cleared before")]
        // SAFETY: `block` writes all heads of every position it is given.
        let out = unsafe { in_blocks(is_much, [batch, pos, heads * d_head], block) };
        restored(out, [batch, pos, heads, d_head])
    }
}
