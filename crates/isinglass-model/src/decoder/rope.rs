//! Rotary positions.

use std::f64::consts::TAU;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Device, Layout, Tensor};

use crate::spec::RopeScaling;

/// Cosines and sines of one pass, shared by its layers.
pub(crate) struct Rotation {
    /// `[1 or batch, pos, 1, d_rotary]`
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    pub(crate) fn new(theta: f64, scaling: &RopeScaling, d_rotary: usize, layout: &Layout, device: &Device) -> Self {
        let (rows, width) = (layout.rows(), layout.width());
        // One row of tables serves all rows that start together, unless their lengths ask for other frequencies.
        let of_row = |row| scaling.is_long(layout.len(row));
        let same = layout.is_aligned() && (1..rows).all(|row| of_row(row) == of_row(0));
        let rows = if same { 1 } else { rows };
        let magnitude = if let RopeScaling::Long { magnitude, .. } = scaling { *magnitude as f32 } else { 1.0 };
        let n = rows * width * d_rotary;
        let (mut cos, mut sin) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for row in 0..rows {
            let frequencies = frequencies(theta, scaling, d_rotary, of_row(row));
            for column in 0..width {
                let position = layout.position(row, column) as f32;
                // The angle is rounded to f32 as in the reference, whose cosine the parity is with.
                let angles = frequencies.iter().map(|f| f64::from(position * f));
                let (c, s): (Vec<f32>, Vec<f32>) =
                    angles.map(|a| (a.cos() as f32 * magnitude, a.sin() as f32 * magnitude)).unzip();
                cos.extend(c.iter().chain(&c));
                sin.extend(s.iter().chain(&s));
            }
        }
        let shape = [rows, width, 1, d_rotary];
        let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), device);
        Self { cos: tensor(cos), sin: tensor(sin) }
    }

    /// Rotates each head of `[batch, pos, head, d_head]`, first half against second half of what is rotated.
    pub(crate) fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let ([.., d_head], [.., d_rotary]) = (x.dims(), self.cos.dims());
        if d_rotary == d_head {
            return self.rotated(x);
        }
        let passed = x.clone().narrow(3, d_rotary, d_head - d_rotary);
        Tensor::cat(vec![self.rotated(x.narrow(3, 0, d_rotary)), passed], 3)
    }

    fn rotated(&self, x: Tensor<4>) -> Tensor<4> {
        let [.., d] = x.dims();
        let first = x.clone().narrow(3, 0, d / 2);
        let second = x.clone().narrow(3, d / 2, d / 2);
        let turned = Tensor::cat(vec![second.neg(), first], 3);
        x * self.cos.clone() + turned * self.sin.clone()
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
        let quarter = Rotation { cos: tensor([0.0, 0.0]), sin: tensor([1.0, 1.0]) };
        let turned: Vec<f32> = quarter.apply(tensor([3.0, 5.0])).into_data().iter::<f32>().collect();
        assert_eq!(turned, [-5.0, 3.0]);
    }
}
