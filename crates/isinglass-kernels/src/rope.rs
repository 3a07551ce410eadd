//! Rotary positions.

use crate::wide::wide;
use burn::tensor::Tensor;

use crate::Cpu;
use crate::threads::rows;
use crate::views::{View, restored};

/// Cosines and sines of the angles of a pass.
#[derive(Debug, Clone)]
pub struct Turns {
    cos: Vec<f32>,
    sin: Vec<f32>,
    rows: usize,
    half: usize,
}

impl Turns {
    /// Tables `[rows, pos, half]` in row-major order, of one row that serves all or of as many as the batch has; `half`
    /// pairs of dimensions are turned.
    pub fn new(cos: Vec<f32>, sin: Vec<f32>, rows: usize, half: usize) -> Self {
        Self { cos, sin, rows, half }
    }

    /// Cosines and sines, `[rows, pos, half]` each.
    pub fn tables(&self) -> [&[f32]; 2] {
        [&self.cos, &self.sin]
    }
}

fn turn(x: &[f32], cos: &[f32], sin: &[f32], out: &mut [f32]) {
    wide(
        #[inline(always)]
        || {
            let half = cos.len();
            let (first, rest) = x.split_at(half);
            let (second, passed) = rest.split_at(half);
            let (out_first, out_rest) = out.split_at_mut(half);
            let (out_second, out_passed) = out_rest.split_at_mut(half);
            for i in 0..half {
                out_first[i] = first[i] * cos[i] - second[i] * sin[i];
                out_second[i] = second[i] * cos[i] + first[i] * sin[i];
            }
            out_passed.copy_from_slice(passed);
        },
    );
}

impl Cpu {
    /// Turns each head, dimension `i` against `i + half`, and lets the dimensions after them pass (Su et al. 2021).
    ///
    /// # Shapes
    /// `[batch, pos, head, d_head]`
    pub fn turned(self, x: Tensor<4>, turns: &Turns) -> Tensor<4> {
        let x = View::new(x);
        let [batch, pos, heads, d_head] = x.shape;
        let mut out = vec![0.0; batch * pos * heads * d_head];
        let per_position = heads * d_head;
        let one = |n: usize, out: &mut [f32]| {
            let (row, column) = (n / pos, n % pos);
            let table = (if turns.rows == 1 { column } else { n }) * turns.half;
            let (cos, sin) = (&turns.cos[table..table + turns.half], &turns.sin[table..table + turns.half]);
            for (head, out) in out.chunks_exact_mut(d_head).enumerate() {
                let at = x.at([row, column, head, 0]);
                turn(&x.storage()[at..at + d_head], cos, sin, out);
            }
        };
        rows(&mut out, per_position.max(1), 8, one);
        restored(out, x.shape)
    }
}
