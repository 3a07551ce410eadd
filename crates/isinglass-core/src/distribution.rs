//! What a model says of the next token.

/// Log-probabilities of every token, from logits.
///
/// Computed in f64: the sum over a large vocabulary is exact enough that log-probabilities of likely tokens keep their
/// digits.
///
/// ```
/// use isinglass_core::Distribution;
/// let said = Distribution::new(&[0.0, 1.0, 0.0]);
/// assert_eq!(said.top(1), [1]);
/// assert_eq!(said.rank(0), 1);
/// assert!((said.probability(1) - 0.576).abs() < 1e-3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    log_probs: Vec<f64>,
}

impl Distribution {
    /// The softmax of these logits.
    pub fn new(logits: &[f32]) -> Self {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - top).exp()).sum();
        let total = f64::from(top) + sum.ln();
        Self { log_probs: logits.iter().map(|l| f64::from(*l) - total).collect() }
    }

    /// Number of tokens.
    pub fn vocab(&self) -> usize {
        self.log_probs.len()
    }

    /// Natural logarithm of a token's probability, in nats; −∞ for an id outside the vocabulary.
    pub fn log_prob(&self, id: u32) -> f64 {
        self.log_probs.get(id as usize).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// A token's probability.
    pub fn probability(&self, id: u32) -> f64 {
        self.log_prob(id).exp()
    }

    /// How many tokens are more likely: 0 is the most likely one.
    pub fn rank(&self, id: u32) -> usize {
        let own = self.log_prob(id);
        self.log_probs.iter().filter(|other| **other > own).count()
    }

    /// The `k` most likely tokens, the likeliest first; of equally likely ones that of lower id.
    pub fn top(&self, k: usize) -> Vec<u32> {
        let k = k.min(self.log_probs.len());
        let order =
            |a: &u32, b: &u32| self.log_probs[*b as usize].total_cmp(&self.log_probs[*a as usize]).then(a.cmp(b));
        let mut ids: Vec<u32> = (0..self.log_probs.len() as u32).collect();
        if k > 0 && k < ids.len() {
            ids.select_nth_unstable_by(k - 1, order);
        }
        ids.truncate(k);
        ids.sort_unstable_by(order);
        ids
    }

    /// Kullback–Leibler divergence of `other` from this, `Σ p · (ln p − ln q)` with `p` this one, in nats: how many more
    /// nats a token costs on average if `other` is believed while this holds. 0 if they agree, ∞ if `other` rules out
    /// what this does not.
    pub fn kl(&self, other: &Self) -> f64 {
        let term = |(p, q): (&f64, &f64)| if *p == f64::NEG_INFINITY { 0.0 } else { p.exp() * (p - q) };
        // Rounding may leave a sum of nothing below zero.
        self.log_probs.iter().zip(&other.log_probs).map(term).sum::<f64>().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(probabilities: &[f64]) -> Distribution {
        Distribution::new(&probabilities.iter().map(|p| p.ln() as f32 + 7.0).collect::<Vec<_>>())
    }

    #[test]
    fn probabilities_ranks_and_order() {
        let said = of(&[0.2, 0.5, 0.1, 0.2]);
        assert!((said.probability(1) - 0.5).abs() < 1e-6 && (said.log_prob(2) - 0.1_f64.ln()).abs() < 1e-6);
        assert_eq!([0, 1, 2, 3].map(|id| said.rank(id)), [1, 0, 3, 1]);
        assert_eq!((said.top(3), said.top(0), said.top(9).len()), (vec![1, 0, 3], vec![], 4));
        assert!(said.log_prob(4).is_infinite());
    }

    #[test]
    fn divergence_by_hand() {
        let (p, q) = (of(&[0.5, 0.5]), of(&[0.9, 0.1]));
        // 0.5 ln(0.5 / 0.9) + 0.5 ln(0.5 / 0.1)
        assert!((p.kl(&q) - 0.510_826).abs() < 1e-5, "{}", p.kl(&q));
        assert!((q.kl(&p) - 0.368_064).abs() < 1e-5, "{}", q.kl(&p));
        assert!(p.kl(&p) < 1e-12);
        assert!(p.kl(&of(&[1.0, 0.0])).is_infinite() && of(&[1.0, 0.0]).kl(&p).is_finite());
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let said = Distribution::new(&[1e4, 1e4, -1e4]);
        assert!((said.log_prob(0) + 2_f64.ln()).abs() < 1e-9);
    }
}
