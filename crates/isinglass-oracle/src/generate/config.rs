//! The settings of a generator.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{FormRules, Plan, Triad};
use isinglass_data::Triplet;

/// The settings of a generator: all that its file follows from, but for the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateConfig {
    /// How many records to write.
    pub count: usize,
    /// What orders and requests start from.
    pub seed: u64,
    /// What scenarios are about; where they are given it is not used.
    pub plan: Plan,
    /// The form of the texts.
    pub form: FormRules,
    /// How a scenario is asked for.
    pub scenario: Call,
    /// How replies are asked for.
    pub replies: Call,
    /// How a validation is asked for.
    pub validation: Call,
    /// How often replies are written for a scenario until they are found valid.
    pub rounds: u32,
    /// How many scenarios may be given up.
    pub most_given_up: usize,
}

/// How a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// How freely it chooses words.
    pub temperature: f64,
    /// The most tokens it may answer with.
    pub max_tokens: u32,
}

/// Why settings cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nothing is asked for.
    #[error("`{setting}` is 0; it must be at least 1")]
    Zero {
        /// The setting.
        setting: &'static str,
    },

    /// A list of the plan has a blank, or something twice.
    #[error("the plan's `{list}` has `{entry}` twice, or nothing; give each entry once")]
    BadPlan {
        /// The list.
        list: &'static str,
        /// The entry.
        entry: String,
    },

    /// The plan has fewer scenarios than are asked for.
    #[error(
        "`{asked}` scenarios may be needed, with those that may be given up, but the plan has `{n}`; add topics, \
         registers or voices"
    )]
    ShortPlan {
        /// How many may be needed.
        asked: usize,
        /// How many there are.
        n: usize,
    },

    /// A rule of form that no text can follow.
    #[error("no text can follow the form's `{rule}`; see `FormRules` for what it says")]
    BadForm {
        /// The rule.
        rule: &'static str,
    },

    /// A temperature that no provider has.
    #[error("the temperature `{temperature}` is none; give a number from 0 to 2")]
    BadTemperature {
        /// The temperature.
        temperature: f64,
    },

    /// There are not as many triplets as records.
    #[error("`count` is `{count}`, but there are `{n}` triplets; each gives one record")]
    OtherCount {
        /// How many records are asked for.
        count: usize,
        /// How many triplets there are.
        n: usize,
    },

    /// A name stands twice, or a scenario is blank.
    #[error("`{id}` stands twice, or has a blank text; give each item its own name, and texts")]
    BadItem {
        /// The name.
        id: String,
    },
}

impl GenerateConfig {
    /// The settings of the original study, and those it did not have.
    ///
    /// Its own: temperature 1.0 and 500 tokens for a scenario, 0.7 for replies and 0.3 for a validation.
    /// Ours: up to three rounds of replies, and one scenario in three may be given up.
    pub fn new(count: usize, seed: u64, plan: Plan) -> Self {
        Self {
            count,
            seed,
            plan,
            form: FormRules::default(),
            scenario: Call { temperature: 1.0, max_tokens: 500 },
            replies: Call { temperature: 0.7, max_tokens: 1000 },
            validation: Call { temperature: 0.3, max_tokens: 500 },
            rounds: 3,
            most_given_up: count.div_ceil(3),
        }
    }

    pub(super) fn check<R: Triad>(&self, triplets: &[Triplet]) -> Result<(), ConfigError> {
        let calls = [self.scenario, self.replies, self.validation];
        let counts = [("count", self.count), ("rounds", self.rounds as usize)];
        let tokens = calls.map(|call| ("max_tokens", call.max_tokens as usize));
        if let Some((setting, _)) = counts.into_iter().chain(tokens).find(|(_, n)| *n == 0) {
            return Err(ConfigError::Zero { setting });
        }
        if let Some(call) = calls.iter().find(|call| !(0.0..=2.0).contains(&call.temperature)) {
            return Err(ConfigError::BadTemperature { temperature: call.temperature });
        }
        if let Some(rule) = self.form.flaw() {
            return Err(ConfigError::BadForm { rule });
        }
        if !R::OWNS_SCENARIO {
            if triplets.len() != self.count {
                return Err(ConfigError::OtherCount { count: self.count, n: triplets.len() });
            }
            return check_items(triplets);
        }
        if let Some((list, entry)) = self.plan.flaw() {
            return Err(ConfigError::BadPlan { list, entry: entry.to_owned() });
        }
        let (asked, n) = (self.count.saturating_add(self.most_given_up), self.plan.n_scenarios());
        if asked > n { Err(ConfigError::ShortPlan { asked, n }) } else { Ok(()) }
    }
}

/// Whether each item has its own name and no text is blank.
pub(crate) fn check_items<'a, R: Triad + 'a>(items: impl IntoIterator<Item = &'a R>) -> Result<(), ConfigError> {
    let mut ids = BTreeSet::new();
    for item in items {
        let texts = [item.id(), item.said()].into_iter().chain(item.replies());
        if texts.into_iter().any(|text| text.trim().is_empty()) || !ids.insert(item.id()) {
            return Err(ConfigError::BadItem { id: item.id().to_owned() });
        }
    }
    Ok(())
}
