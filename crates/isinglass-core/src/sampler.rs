//! How the next token is chosen: settings.

use serde::{Deserialize, Serialize};

/// How tokens are chosen, how many, and how often.
///
/// Settings apply in the order in which transformers applies them: repetition penalty, temperature, top-k, top-p, min-p.
/// Values are checked when generation starts ([`SamplerError`]); none is silently replaced.
///
/// What is drawn for a prompt depends on the seed, the number of the sample and the prompt's token ids, and on nothing
/// else: not on the other prompts of the batch, their order or their lengths.
/// So equal prompts get equal texts, and several texts for one prompt are asked for with [`samples`](Self::samples).
/// (Logits of a batch may differ from those of a prompt alone in their last bits; a text differs only if a draw falls
/// into that gap.)
///
/// ```
/// use isinglass_core::Sampler;
/// let greedy = Sampler::greedy(64);
/// let sampled = Sampler::new(64, 7).temperature(0.8).top_p(0.95).samples(4);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampler {
    pub(crate) max_new_tokens: usize,
    /// 0 is greedy.
    pub(crate) temperature: f64,
    #[serde(default)]
    pub(crate) top_k: Option<usize>,
    #[serde(default)]
    pub(crate) top_p: Option<f64>,
    #[serde(default)]
    pub(crate) min_p: Option<f64>,
    #[serde(default)]
    pub(crate) repetition_penalty: Option<f64>,
    pub(crate) seed: u64,
    #[serde(default = "one")]
    pub(crate) samples: usize,
    #[serde(default)]
    pub(crate) first_sample: usize,
    pub(crate) ignore_end: bool,
}

const fn one() -> usize {
    1
}

/// A setting of a [`Sampler`] that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// The temperature is negative or not finite.
    #[error("the temperature is `{found}`, it must be finite and 0 or above: 0 takes the most likely token")]
    Temperature {
        /// The value, as it prints.
        found: String,
    },
    /// No token would be left.
    #[error("top-k is `0`, it must be 1 or above: leave it out to keep every token")]
    TopK,
    /// Top-p is no share of the probability.
    #[error("top-p is `{found}`, it must be above 0 and at most 1: 1 keeps every token")]
    TopP {
        /// The value, as it prints.
        found: String,
    },
    /// Min-p is no share of the greatest probability.
    #[error("min-p is `{found}`, it must be from 0 to 1: 0 keeps every token")]
    MinP {
        /// The value, as it prints.
        found: String,
    },
    /// The penalty would turn the order of the logits round.
    #[error("the repetition penalty is `{found}`, it must be finite and above 0: 1 changes nothing")]
    RepetitionPenalty {
        /// The value, as it prints.
        found: String,
    },
    /// No text is asked for.
    #[error("0 samples per prompt are asked for, it must be 1 or more")]
    NoSamples,
}

impl Sampler {
    /// The most likely token each time, up to `max_new_tokens` of them.
    pub const fn greedy(max_new_tokens: usize) -> Self {
        Self::new(max_new_tokens, 0).temperature(0.0)
    }

    /// Draws from the model's distribution (temperature 1), reproducibly.
    pub const fn new(max_new_tokens: usize, seed: u64) -> Self {
        Self {
            max_new_tokens,
            temperature: 1.0,
            top_k: None,
            top_p: None,
            min_p: None,
            repetition_penalty: None,
            seed,
            samples: 1,
            first_sample: 0,
            ignore_end: false,
        }
    }

    /// Divides the logits by this before drawing; 0 takes the most likely token.
    #[must_use]
    pub const fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Draws among the `k` most likely tokens only; those that tie with the last of them stay too.
    #[must_use]
    pub const fn top_k(mut self, k: usize) -> Self {
        self.top_k = Some(k);
        self
    }

    /// Draws from the smallest set of most likely tokens whose probabilities sum to `p` at least (Holtzman et al. 2020,
    /// "The Curious Case of Neural Text Degeneration"); of equally likely ones those of lower id come first.
    #[must_use]
    pub const fn top_p(mut self, p: f64) -> Self {
        self.top_p = Some(p);
        self
    }

    /// Draws among tokens that are at least `p` times as likely as the most likely one (Nguyen et al. 2024, "Min-p
    /// Sampling").
    #[must_use]
    pub const fn min_p(mut self, p: f64) -> Self {
        self.min_p = Some(p);
        self
    }

    /// Makes tokens of the prompt and of the text so far less likely: their logits are divided by this if positive and
    /// multiplied by it if negative (Keskar et al. 2019, "CTRL", in the form of transformers'
    /// `RepetitionPenaltyLogitsProcessor`); holds for greedy choices too.
    #[must_use]
    pub const fn repetition_penalty(mut self, penalty: f64) -> Self {
        self.repetition_penalty = Some(penalty);
        self
    }

    /// Writes this many texts for each prompt, each with draws of its own; they come one after the other, prompt by
    /// prompt. Greedy ones are all the same.
    #[must_use]
    pub const fn samples(mut self, n: usize) -> Self {
        self.samples = n;
        self
    }

    /// Counts samples from here: many are the same whether drawn at once or in parts.
    #[must_use]
    pub const fn first_sample(mut self, first: usize) -> Self {
        self.first_sample = first;
        self
    }

    /// Goes on past the model's end tokens.
    #[must_use]
    pub const fn ignore_end(mut self) -> Self {
        self.ignore_end = true;
        self
    }

    /// Tokens that are added at most.
    pub const fn max_new_tokens(&self) -> usize {
        self.max_new_tokens
    }

    /// Texts for each prompt.
    pub const fn n_samples(&self) -> usize {
        self.samples
    }

    /// Looks at every setting; generation does so before anything runs.
    ///
    /// # Errors
    /// [`SamplerError`] names the first that makes no sense.
    pub fn check(&self) -> Result<(), SamplerError> {
        let found = |value: f64| value.to_string();
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(SamplerError::Temperature { found: found(self.temperature) });
        }
        if self.top_k == Some(0) {
            return Err(SamplerError::TopK);
        }
        if let Some(p) = self.top_p.filter(|p| !(*p > 0.0 && *p <= 1.0)) {
            return Err(SamplerError::TopP { found: found(p) });
        }
        if let Some(p) = self.min_p.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(SamplerError::MinP { found: found(p) });
        }
        if let Some(penalty) = self.repetition_penalty.filter(|p| !(p.is_finite() && *p > 0.0)) {
            return Err(SamplerError::RepetitionPenalty { found: found(penalty) });
        }
        if self.samples == 0 {
            return Err(SamplerError::NoSamples);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let sampler = Sampler::new(1, 0);
        let error = |sampler: Sampler| sampler.check().unwrap_err().to_string();
        for (bad, shown) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            assert!(error(sampler.clone().temperature(bad)).contains(&format!("the temperature is `{shown}`")));
            assert!(error(sampler.clone().repetition_penalty(bad)).contains(&format!("penalty is `{shown}`")));
            assert!(error(sampler.clone().top_p(bad)).contains(&format!("top-p is `{shown}`")));
            assert!(error(sampler.clone().min_p(bad)).contains(&format!("min-p is `{shown}`")));
        }
        assert_eq!(
            error(sampler.clone().top_k(0)),
            "top-k is `0`, it must be 1 or above: leave it out to keep every token"
        );
        assert_eq!(
            error(sampler.clone().top_p(0.0)),
            "top-p is `0`, it must be above 0 and at most 1: 1 keeps every token"
        );
        assert!(error(sampler.clone().repetition_penalty(0.0)).contains("above 0"));
        assert_eq!(error(sampler.clone().samples(0)), "0 samples per prompt are asked for, it must be 1 or more");
        sampler.top_k(1).top_p(1.0).min_p(1.0).repetition_penalty(0.5).check().unwrap();
    }
}
