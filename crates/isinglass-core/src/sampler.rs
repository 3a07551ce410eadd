//! How the next token is chosen.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How tokens are chosen, and how many.
///
/// ```
/// use isinglass_core::Sampler;
/// let greedy = Sampler::greedy(64);
/// let sampled = Sampler::new(64, 7).temperature(0.8).ignore_end();
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampler {
    pub(crate) max_new_tokens: usize,
    /// 0 is greedy.
    pub(crate) temperature: f64,
    pub(crate) seed: u64,
    pub(crate) ignore_end: bool,
}

impl Sampler {
    /// The most likely token each time, up to `max_new_tokens` of them.
    pub const fn greedy(max_new_tokens: usize) -> Self {
        Self { max_new_tokens, temperature: 0.0, seed: 0, ignore_end: false }
    }

    /// Draws from the model's distribution (temperature 1), reproducibly.
    ///
    /// Each row has a generator of its own, seeded by `seed` and the row, so a row's draws do not depend on the others.
    pub const fn new(max_new_tokens: usize, seed: u64) -> Self {
        Self { max_new_tokens, temperature: 1.0, seed, ignore_end: false }
    }

    /// Divides the logits by this before drawing; 0 takes the most likely token.
    ///
    /// Negative and non-finite values count as 0.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = if temperature.is_finite() { temperature.max(0.0) } else { 0.0 };
        self
    }

    /// Goes on past the model's end tokens.
    #[must_use]
    pub const fn ignore_end(mut self) -> Self {
        self.ignore_end = true;
        self
    }

    pub(crate) fn generators(&self, rows: usize) -> Vec<ChaCha8Rng> {
        let generator = |row| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(row as u64);
            rng
        };
        (0..rows).map(generator).collect()
    }

    pub(crate) fn choose(&self, logits: &[f32], rng: &mut ChaCha8Rng) -> u32 {
        if self.temperature == 0.0 { most_likely(logits) } else { draw(logits, self.temperature, rng) }
    }
}

/// The first of the greatest logits.
fn most_likely(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

/// Inverse of the cumulative softmax, in f64 so that the sum over a large vocabulary is exact enough.
fn draw(logits: &[f32], temperature: f64, rng: &mut ChaCha8Rng) -> u32 {
    let top = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weights: Vec<f64> = logits.iter().map(|&l| ((f64::from(l) - top) / temperature).exp()).collect();
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (id, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return id as u32;
        }
    }
    most_likely(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_takes_the_first_of_equal_logits() {
        assert_eq!(most_likely(&[0.0, 2.0, -1.0, 2.0]), 1);
    }

    #[test]
    fn draws_follow_the_softmax_and_repeat_by_seed() {
        let logits = [0.0_f32, (3.0_f32).ln(), f32::NEG_INFINITY];
        let sampler = Sampler::new(1, 5);
        let draws = |sampler: &Sampler, row: usize| {
            let mut rng = sampler.generators(row + 1).remove(row);
            (0..4000).map(|_| sampler.choose(&logits, &mut rng)).collect::<Vec<_>>()
        };
        let first = draws(&sampler, 0);
        let share = first.iter().filter(|&&id| id == 1).count() as f64 / 4000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
        assert!(!first.contains(&2));
        assert_eq!(first, draws(&sampler, 0));
        assert_ne!(first, draws(&sampler, 1));
        assert_ne!(first, draws(&Sampler::new(1, 6), 0));
        assert_eq!(Sampler::new(1, 0).temperature(f64::NAN), Sampler::greedy(1));
    }
}
