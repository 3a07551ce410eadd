//! Rotary positions.

use std::cell::OnceCell;
use std::f64::consts::TAU;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Device, Layout, Tensor};
use isinglass_kernels::{Cpu, Turns};

use crate::spec::RopeScaling;

/// Cosines and sines of one pass, shared by its layers.
pub(crate) struct Rotation {
    turns: Turns,
    /// 1, or as many as the batch has.
    rows: usize,
    d_rotary: usize,
    /// As tensors `[rows, pos, 1, d_rotary]`, both halves alike; made when plain Burn runs.
    tables: OnceCell<[Tensor<4>; 2]>,
}

impl Rotation {
    pub(crate) fn new(theta: f64, scaling: &RopeScaling, d_rotary: usize, layout: &Layout) -> Self {
        let (rows, width) = (layout.rows(), layout.width());
        // One row of tables serves all rows that start together, unless their lengths ask for other frequencies.
        let of_row = |row| scaling.is_long(layout.len(row));
        let same = layout.is_aligned() && (1..rows).all(|row| of_row(row) == of_row(0));
        let rows = if same { 1 } else { rows };
        let magnitude = if let RopeScaling::Long { magnitude, .. } = scaling { *magnitude as f32 } else { 1.0 };
        let n = rows * width * d_rotary / 2;
        let (mut cos, mut sin) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for row in 0..rows {
            let frequencies = frequencies(theta, scaling, d_rotary, of_row(row));
            for column in 0..width {
                let position = layout.position(row, column) as f32;
                // The angle is rounded to f32 as in the reference, whose cosine the parity is with.
                let angles = frequencies.iter().map(|f| f64::from(position * f));
                let both = angles.map(|a| (a.cos() as f32 * magnitude, a.sin() as f32 * magnitude));
                both.for_each(|(c, s)| {
                    cos.push(c);
                    sin.push(s);
                });
            }
        }
        Self { turns: Turns::new(cos, sin, rows, d_rotary / 2), rows, d_rotary, tables: OnceCell::new() }
    }

    /// Rotates each head of `[batch, pos, head, d_head]`, first half against second half of what is rotated.
    pub(crate) fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        if let Some(cpu) = Cpu::of(&x) {
            return cpu.turned(x, &self.turns);
        }
        let ([.., d_head], d_rotary) = (x.dims(), self.d_rotary);
        if d_rotary == d_head {
            return self.rotated(x);
        }
        let passed = x.clone().narrow(3, d_rotary, d_head - d_rotary);
        Tensor::cat(vec![self.rotated(x.narrow(3, 0, d_rotary)), passed], 3)
    }

    fn tables(&self, device: &Device) -> &[Tensor<4>; 2] {
        self.tables.get_or_init(|| {
            self.turns.tables().map(|half| {
                let shape = [self.rows, half.len() * 2 / self.d_rotary / self.rows, 1, self.d_rotary / 2];
                let half = Tensor::<4>::from_data(TensorData::new(half.to_vec(), shape), device);
                Tensor::cat(vec![half.clone(), half], 3)
            })
        })
    }

    fn rotated(&self, x: Tensor<4>) -> Tensor<4> {
        let [.., d] = x.dims();
        let first = x.clone().narrow(3, 0, d / 2);
        let second = x.clone().narrow(3, d / 2, d / 2);
        let turned = Tensor::cat(vec![second.neg(), first], 3);
        let [cos, sin] = self.tables(&x.device()).clone();
        x * cos + turned * sin
    }
}

/// Angle per position of each pair, in radians: `theta^(−2i / d)`, stretched.
fn frequencies(theta: f64, scaling: &RopeScaling, d: usize, is_long: bool) -> Vec<f32> {
    let plain = (0..d / 2).map(|i| theta.powf(-2.0 * i as f64 / d as f64));
    match scaling {
        RopeScaling::None => plain.map(|f| f as f32).collect(),
        RopeScaling::Linear { factor } => plain.map(|f| (f / factor) as f32).collect(),
        RopeScaling::Factors(factors) => plain.zip(factors).map(|(f, by)| (f / f64::from(*by)) as f32).collect(),
        RopeScaling::Long { short, long, .. } => {
            let factors = if is_long { long } else { short };
            plain.zip(factors).map(|(f, by)| (f / f64::from(*by)) as f32).collect()
        }
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => plain
            .map(|f| {
                // Turns over the original context: few is a low frequency, many a high one.
                let turns = *original_context as f64 * f / TAU;
                let keep = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
                let keep = keep.clamp(0.0, 1.0);
                ((1.0 - keep) * f / factor + keep * f) as f32
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama3_keeps_high_frequencies_and_stretches_low_ones() {
        let scaling =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 64 };
        let (plain, scaled) = (frequencies(1e4, &RopeScaling::None, 16, false), frequencies(1e4, &scaling, 16, false));
        // 64 / 2π = 10.2 turns: high. 64 · 1e-4^(7/8) / 2π = 0.003 turns: low.
        assert_eq!([plain[0], scaled[0]].map(f32::to_bits), [1.0_f32.to_bits(); 2]);
        assert!((scaled[7] - plain[7] / 8.0).abs() < 1e-12);
        // 64 · 1e4^(−2/8) / 2π = 1.0186 turns: keep = 0.0186 / 3 = 0.00621.
        assert!((scaled[2] / plain[2] - (0.125 + 0.875 * 0.006_197)).abs() < 1e-5);
    }

    #[test]
    fn a_quarter_turn_swaps_the_halves() {
        let device = Device::flex();
        let tensor = |v: [f32; 2]| Tensor::<4>::from_data(TensorData::new(v.to_vec(), [1, 1, 1, 2]), &device);
        let turns = Turns::new(vec![0.0], vec![1.0], 1, 1);
        let quarter = Rotation { turns, rows: 1, d_rotary: 2, tables: OnceCell::new() };
        let values = |x: Tensor<4>| x.into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(values(quarter.apply(tensor([3.0, 5.0]))), [-5.0, 3.0]);
        assert_eq!(values(quarter.rotated(tensor([3.0, 5.0]))), [-5.0, 3.0]);
    }
}
