//! How the next token is chosen: one text's draws.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sampler::Sampler;

/// FNV-1a, 64 bits, of the ids as little-endian bytes: the same on every machine and in every version.
fn fnv1a(ids: &[u32]) -> u64 {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What is chosen for one text, token after token.
pub(crate) struct Choices<'s> {
    sampler: &'s Sampler,
    rng: ChaCha8Rng,
    /// Tokens of the prompt and the text so far, kept where repetition is penalised.
    seen: BTreeSet<u32>,
}

impl Choices<'_> {
    /// The next token, of these logits.
    pub(crate) fn next(&mut self, logits: &[f32]) -> u32 {
        let mut logits: Vec<f64> = logits.iter().map(|&l| l.into()).collect();
        if let Some(penalty) = self.sampler.repetition_penalty {
            for &id in &self.seen {
                if let Some(logit) = logits.get_mut(id as usize) {
                    *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
                }
            }
        }
        let token = if self.sampler.temperature == 0.0 { most_likely(&logits) } else { self.draw(&logits) };
        if self.sampler.repetition_penalty.is_some() {
            self.seen.insert(token);
        }
        token
    }

    /// Inverse of the cumulative distribution in order of id, in f64 so that the sum over a large vocabulary is exact
    /// enough.
    fn draw(&mut self, logits: &[f64]) -> u32 {
        let kept = self.sampler.kept(logits);
        let mut left = self.rng.random::<f64>() * kept.iter().map(|(_, weight)| weight).sum::<f64>();
        for (id, weight) in &kept {
            left -= weight;
            if left < 0.0 {
                return *id;
            }
        }
        // Rounding left nothing over, or a hook made the logits NaN.
        most_likely(logits)
    }
}

impl Sampler {
    /// The choices for one text: sample number `sample`, counted from the first, of this prompt.
    pub(crate) fn choices(&self, prompt: &[u32], sample: usize) -> Choices<'_> {
        // The whole key: a text's draws are those of its seed, its prompt and its number, whoever else is in the batch.
        let mut key = [0; 32];
        let number = (self.first_sample + sample) as u64;
        for (part, value) in key.chunks_exact_mut(8).zip([self.seed, number, prompt.len() as u64, fnv1a(prompt)]) {
            part.copy_from_slice(&value.to_le_bytes());
        }
        let seen = if self.repetition_penalty.is_some() { prompt.iter().copied().collect() } else { BTreeSet::new() };
        Choices { sampler: self, rng: ChaCha8Rng::from_seed(key), seen }
    }

    /// The tokens that may be drawn, in order of id, and their probabilities up to a common factor.
    fn kept(&self, logits: &[f64]) -> Vec<(u32, f64)> {
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weight = |l: f64| ((l - top) / self.temperature).exp();
        let mut kept: Vec<(u32, f64)> = logits.iter().enumerate().map(|(id, &l)| (id as u32, weight(l))).collect();
        if let Some(k) = self.top_k.filter(|k| *k < kept.len()) {
            let mut weights: Vec<f64> = kept.iter().map(|(_, weight)| *weight).collect();
            let (_, least, _) = weights.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
            kept.retain(|(_, weight)| *weight >= *least);
        }
        if let Some(p) = self.top_p.filter(|p| *p < 1.0) {
            kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let mut left = p * kept.iter().map(|(_, weight)| weight).sum::<f64>();
            let enough = kept.iter().position(|(_, weight)| {
                left -= weight;
                left <= 0.0
            });
            kept.truncate(enough.map_or(kept.len(), |last| last + 1));
            kept.sort_by_key(|(id, _)| *id);
        }
        if let Some(p) = self.min_p {
            // The most likely token has weight 1.
            kept.retain(|(_, weight)| *weight >= p);
        }
        kept
    }
}

/// The first of the greatest logits.
fn most_likely(logits: &[f64]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of these probabilities.
    fn logits(probabilities: &[f64]) -> Vec<f64> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    fn kept(sampler: &Sampler, probabilities: &[f64]) -> Vec<u32> {
        sampler.kept(&logits(probabilities)).into_iter().map(|(id, _)| id).collect()
    }

    fn draws(sampler: &Sampler, prompt: &[u32], sample: usize) -> Vec<u32> {
        let logits = [0.0_f32, (3.0_f32).ln(), f32::NEG_INFINITY];
        let mut choices = sampler.choices(prompt, sample);
        (0..4000).map(|_| choices.next(&logits)).collect()
    }

    #[test]
    fn greedy_takes_the_first_of_equal_logits() {
        assert_eq!(most_likely(&[0.0, 2.0, -1.0, 2.0]), 1);
    }

    #[test]
    fn draws_follow_the_softmax_and_repeat_by_seed_prompt_and_sample() {
        let sampler = Sampler::new(1, 5);
        let first = draws(&sampler, &[1, 2], 0);
        let share = first.iter().filter(|&&id| id == 1).count() as f64 / 4000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
        assert!(!first.contains(&2));
        assert_eq!(first, draws(&sampler, &[1, 2], 0));
        for other in [draws(&sampler, &[1, 2], 1), draws(&sampler, &[2, 1], 0), draws(&Sampler::new(1, 6), &[1, 2], 0)]
        {
            assert_ne!(first, other);
        }
        assert_eq!(draws(&sampler, &[1, 2], 3), draws(&sampler.clone().first_sample(1), &[1, 2], 2));
    }

    /// The draws are part of what a seed promises: a change here changes every sampled text.
    #[test]
    fn the_key_is_stable() {
        let drawn = draws(&Sampler::new(1, 5), &[1, 2], 0);
        assert_eq!(drawn[..16], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(fnv1a(&[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(&[0x61]), {
            let published: u64 = 0xaf63_dc4c_8601_ec8c; // of the byte "a"
            (0..3).fold(published, |hash, _| hash.wrapping_mul(0x0100_0000_01b3))
        });
    }

    #[test]
    fn filters_keep_what_they_say() {
        let p = [0.1, 0.4, 0.2, 0.3];
        let all = Sampler::new(1, 0);
        assert_eq!(kept(&all, &p), [0, 1, 2, 3]);
        assert_eq!(kept(&all.clone().top_k(2), &p), [1, 3]);
        assert_eq!(kept(&all.clone().top_k(9), &p), [0, 1, 2, 3]);
        assert_eq!(kept(&all.clone().top_k(1), &[0.4, 0.2, 0.4]), [0, 2], "ties stay");
        // 0.4 + 0.3 falls short of 0.75, so the token that crosses it stays too.
        assert_eq!(kept(&all.clone().top_p(0.75), &p), [1, 2, 3]);
        assert_eq!(kept(&all.clone().top_p(0.69), &p), [1, 3]);
        assert_eq!(kept(&all.clone().top_p(1e-9), &p), [1]);
        assert_eq!(kept(&all.clone().top_p(1.0), &p), [0, 1, 2, 3]);
        assert_eq!(kept(&all.clone().top_p(0.5), &[0.25; 4]), [0, 1]);
        assert_eq!(kept(&all.clone().min_p(0.45), &p), [1, 2, 3]);
        assert_eq!(kept(&all.clone().min_p(1.0), &p), [1]);
        assert_eq!(kept(&all.clone().min_p(0.0), &p), [0, 1, 2, 3]);
    }

    /// Each step sees what the one before it left, renormalised, at the temperature.
    #[test]
    fn filters_apply_in_the_order_of_transformers() {
        let p = [0.1, 0.4, 0.2, 0.3];
        // Of 0.7, 0.4 is 0.57 of the two: enough for 0.55, where without top-k it would not be.
        assert_eq!(kept(&Sampler::new(1, 0).top_p(0.55), &p), [1, 3]);
        assert_eq!(kept(&Sampler::new(1, 0).top_k(2).top_p(0.55), &p), [1]);
        // Squared: 0.16 and 0.09 of 0.30, and 0.25 of the greatest for 0.2.
        assert_eq!(kept(&Sampler::new(1, 0).temperature(0.5).top_p(0.52), &p), [1]);
        assert_eq!(kept(&Sampler::new(1, 0).temperature(0.5).min_p(0.3), &p), [1, 3]);
        assert_eq!(kept(&Sampler::new(1, 0).top_p(0.8).min_p(0.7), &p), [1, 3]);
    }

    #[test]
    fn the_penalty_divides_positive_logits_and_multiplies_negative_ones() {
        let sampler = Sampler::greedy(1).repetition_penalty(2.0);
        let first = |prompt: &[u32], logits: &[f32]| sampler.choices(prompt, 0).next(logits);
        assert_eq!(first(&[0], &[3.0, 1.6, 0.0]), 1, "3 / 2 < 1.6");
        assert_eq!(first(&[0], &[3.0, 1.4, 0.0]), 0, "3 / 2 > 1.4");
        assert_eq!(first(&[0], &[-1.0, -1.9, -3.0]), 1, "-1 · 2 < -1.9");
        assert_eq!(first(&[0, 0], &[3.0, 1.4, 0.0]), 0, "once, however often it was seen");
        let mut choices = sampler.choices(&[2], 0);
        let turns: Vec<u32> = (0..3).map(|_| choices.next(&[3.0, 2.0, 1.9])).collect();
        assert_eq!(turns, [0, 1, 0], "what was chosen counts as seen");
    }

    #[test]
    fn a_nan_from_a_hook_is_no_panic() {
        let sampler = Sampler::new(1, 0).top_k(1).top_p(0.5).min_p(0.5).repetition_penalty(2.0);
        assert_eq!(sampler.choices(&[0], 0).next(&[f32::NAN; 3]), 0);
    }
}
