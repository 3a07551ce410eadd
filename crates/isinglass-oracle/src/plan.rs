//! What each item is to be about, so that no two are about the same.

use serde::{Deserialize, Serialize};

use crate::{
    form::{Form, FormRules},
    order::Order,
};

/// Topics, registers and voices, every combination of which stands for one scenario.
///
/// A seed puts them in order: each topic comes once before any comes again, and no combination comes twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What scenarios are about.
    pub topics: Vec<String>,
    /// How they are told.
    pub registers: Vec<String>,
    /// Who tells them.
    pub voices: Vec<String>,
}

/// What one scenario is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) topic: String,
    pub(crate) register: String,
    pub(crate) voice: String,
}

/// How replies can open, in words for the prompt.
const OPENINGS: [&str; 6] = [
    "with the person, place or thing that the scenario names",
    "with the word \"you\" or \"your\" within the first three words, but not as the first",
    "with a time, or a clause that begins with \"when\", \"after\", \"since\" or the like",
    "with a remark of two to five words that is a sentence of its own",
    "with a number, a quantity or a comparison",
    "with a word that is neither a pronoun nor a name, such as an adverb, an adjective or a verb",
];

/// In what orders three things can stand.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// What an order is for.
const TOPICS: u64 = 1;
const WAYS: u64 = 2;
const LENGTHS: u64 = 3;
const ORDER_OF_LENGTHS: u64 = 4;
const ORDER_OF_OPENINGS: u64 = 5;
const ORDER_OF_ENDS: u64 = 6;

impl Plan {
    /// Troubles between people and within a life: 18 topics, 4 registers, 6 voices.
    pub fn troubles() -> Self {
        Self::of(
            [
                "an illness, one's own or another's",
                "a death, or the time after it",
                "the end of a friendship",
                "a marriage or a partnership",
                "parents growing old",
                "a child who has become hard to reach",
                "brothers and sisters",
                "being passed over at work",
                "losing a job or a business",
                "money that is short or owed",
                "a move to another town or country",
                "school, a course or an examination",
                "neighbours or people who share a home",
                "a mistake that harmed somebody else",
                "being left out of a group",
                "a promise that somebody broke",
                "an animal one lives with",
                "a body that no longer does what it did",
            ],
            ["plain and short", "chatty, as to a friend", "careful and rather formal", "dry, almost joking"],
            VOICES,
        )
    }

    /// What stirs and troubles nobody: 15 topics, 4 registers, 6 voices.
    pub fn impersonal() -> Self {
        Self::of(
            [
                "a match or a race and how it ended",
                "a film, a play or a series",
                "a piece of music or a concert",
                "weather or a sky",
                "a landscape or a town seen on a journey",
                "an animal or plant in the wild",
                "a discovery in science",
                "a building, a bridge or a machine",
                "a dish or a meal",
                "a book or a poem",
                "an old object and where it was found",
                "a festival or a custom",
                "a flight into space or a look through a telescope",
                "a game and a clever move in it",
                "a piece of handicraft or a picture",
            ],
            ["plain and short", "chatty, as to a friend", "careful and rather formal", "dry, almost joking"],
            VOICES,
        )
    }

    /// A plan of these lists.
    pub fn of<T: Into<String>, R: Into<String>, V: Into<String>>(
        topics: impl IntoIterator<Item = T>,
        registers: impl IntoIterator<Item = R>,
        voices: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            registers: registers.into_iter().map(Into::into).collect(),
            voices: voices.into_iter().map(Into::into).collect(),
        }
    }

    /// How many scenarios it is good for.
    pub fn n_scenarios(&self) -> usize {
        self.topics.len().saturating_mul(self.registers.len()).saturating_mul(self.voices.len())
    }

    /// The first entry of a list that is blank or stands twice, with the list's name; a list without entries has a
    /// blank.
    pub(crate) fn flaw(&self) -> Option<(&'static str, &str)> {
        let lists = [("topics", &self.topics), ("registers", &self.registers), ("voices", &self.voices)];
        lists.into_iter().find_map(|(name, list)| {
            if list.is_empty() {
                return Some((name, ""));
            }
            let bad = |(i, entry): (usize, &String)| entry.trim().is_empty() || list[..i].contains(entry);
            list.iter().enumerate().find(|&entry| bad(entry)).map(|(_, entry)| (name, entry.as_str()))
        })
    }

    /// What scenario `number` is to be; below [`n_scenarios`](Self::n_scenarios).
    pub(crate) fn brief(&self, number: usize, seed: u64) -> Brief {
        let n_topics = self.topics.len();
        let (round, place) = (number / n_topics, number % n_topics);
        let topic = Order::of(seed, &[TOPICS, round as u64]).of_numbers(n_topics)[place];
        // Each topic goes through all ways of telling in an order of its own.
        let n_ways = self.registers.len() * self.voices.len();
        let way = Order::of(seed, &[WAYS, topic as u64]).of_numbers(n_ways)[round];
        Brief {
            topic: self.topics[topic].clone(),
            register: self.registers[way / self.voices.len()].clone(),
            voice: self.voices[way % self.voices.len()].clone(),
        }
    }
}

const VOICES: [&str; 6] = [
    "someone of about sixteen",
    "a student away from home",
    "someone who works with their hands",
    "someone in the middle of life, with a family",
    "someone who lives alone and likes it",
    "someone of more than seventy",
];

impl FormRules {
    /// The forms of the replies of an item.
    ///
    /// Over each six items every class is twice the longest, twice the shortest, and opens in each way once;
    /// over each cycle of ends every end comes as often as it is listed, for all classes alike.
    pub(crate) fn forms(&self, item: usize, seed: u64) -> [Form; 3] {
        let [least, most] = self.words;
        let middle = least + Order::of(seed, &[LENGTHS, item as u64]).below(most - least + 1);
        let lengths = [middle - self.words_apart, middle, middle + self.words_apart];
        let (block, place) = (item / 6, item % 6);
        let order = ORDERS[Order::of(seed, &[ORDER_OF_LENGTHS, block as u64]).of_numbers(6)[place]];
        let openings = Order::of(seed, &[ORDER_OF_OPENINGS, block as u64]).of_numbers(6);
        let cycle = self.ends.len();
        let end = self.ends[Order::of(seed, &[ORDER_OF_ENDS, (item / cycle) as u64]).of_numbers(cycle)[item % cycle]];
        [0, 1, 2].map(|class| Form {
            opening: OPENINGS[openings[(place + 2 * class) % 6]],
            words: lengths[order[class]],
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn topics_come_in_turn_and_nothing_twice() {
        let plan = Plan::of(["a", "b", "c"], ["x", "y"], ["u", "v"]);
        assert_eq!(plan.n_scenarios(), 12);
        let mut all = BTreeSet::new();
        for round in 0..4 {
            let briefs: Vec<_> = (0..3).map(|place| plan.brief(3 * round + place, 7)).collect();
            assert_eq!(briefs.iter().map(|b| &b.topic).collect::<BTreeSet<_>>().len(), 3, "{briefs:?}");
            all.extend(briefs.into_iter().map(|b| (b.topic, b.register, b.voice)));
        }
        assert_eq!(all.len(), 12);
        let order = |seed| (0..12).map(|number| plan.brief(number, seed)).collect::<Vec<_>>();
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }

    #[test]
    fn the_plans_that_come_with_it() {
        for plan in [Plan::troubles(), Plan::impersonal()] {
            assert_eq!(plan.flaw(), None);
            assert!(plan.topics.len() >= 12 && plan.n_scenarios() >= 360);
        }
        // Of 90 scenarios no topic has more than one in eighteen; the original had 44 of 90 on one.
        let plan = Plan::troubles();
        let mut n = BTreeMap::new();
        for number in 0..90 {
            *n.entry(plan.brief(number, 3).topic).or_insert(0) += 1;
        }
        assert!(n.len() == 18 && n.values().all(|&n| n == 5), "{n:?}");
    }

    #[test]
    fn lists_are_checked() {
        assert_eq!(Plan::of(["a"], ["x"], ["u", "v", "u"]).flaw(), Some(("voices", "u")));
        assert_eq!(Plan::of(["a", " "], ["x"], ["u"]).flaw(), Some(("topics", " ")));
        assert_eq!(Plan::of(["a"], [""; 0], ["u"]).flaw(), Some(("registers", "")));
    }

    #[test]
    fn no_class_has_a_form_of_its_own() {
        let rules = FormRules::default();
        let items: Vec<_> = (0..18).map(|item| rules.forms(item, 5)).collect();
        for six in items.chunks(6) {
            for class in 0..3 {
                let openings: BTreeSet<_> = six.iter().map(|forms| forms[class].opening).collect();
                assert_eq!(openings.len(), 6);
                let rank = |forms: &[Form; 3]| forms.iter().filter(|f| f.words < forms[class].words).count();
                let mut ranks: Vec<_> = six.iter().map(rank).collect();
                ranks.sort_unstable();
                assert_eq!(ranks, [0, 0, 1, 1, 2, 2]);
            }
        }
        assert!(items.iter().all(|f| f[0].end == f[1].end && f[1].end == f[2].end));
        assert!(
            items
                .iter()
                .all(|f| f[0].opening != f[1].opening && f[1].opening != f[2].opening && f[0].opening != f[2].opening)
        );
        for nine in items.chunks(9) {
            let mut ends: Vec<_> = nine.iter().map(|forms| forms[0].end).collect();
            ends.sort_unstable();
            assert_eq!(String::from_iter(ends), "!......??");
        }
    }
}
