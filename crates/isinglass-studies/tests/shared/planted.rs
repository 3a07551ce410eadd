//! Samples of which everything is known: what was planted can be found, and what was not must not be.

use std::collections::BTreeMap;

use isinglass_probe::Features;
use isinglass_studies::tripartite::{Config, Item, Pool, Sample};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const N_SCENARIOS: usize = 40;
pub(crate) const N_TOPICS: usize = 8;
pub(crate) const WIDTH: usize = 24;

/// The layer of noise, topics and scenarios alone.
pub(crate) const NOTHING: usize = 0;
/// The layer where everything is planted.
pub(crate) const PLANTED: usize = 1;

/// What is planted into rows of noise of deviation 1.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How far each class lies along a direction of its own; as many as there are classes.
    pub(crate) classes: Vec<f64>,
    /// Whether the classes' directions are each topic's own.
    pub(crate) by_topic: bool,
    /// How far the classes lie along the one direction that [`concept`] has, class after class in equal steps.
    pub(crate) concept: f64,
    /// Deviation of topics along all columns.
    pub(crate) topic: f64,
    /// Deviation of scenarios along all columns.
    pub(crate) scenario: f64,
    /// How far rows lie along a direction for each character above 100, in hundreds.
    pub(crate) length: f64,
    /// By what share each class's texts are longer than those of the one before.
    pub(crate) longer: f64,
    /// Whether the texts carry words of their class.
    pub(crate) words: bool,
    pub(crate) seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            classes: vec![0.0, 1.5, 3.0],
            by_topic: false,
            concept: 0.0,
            topic: 0.5,
            scenario: 0.5,
            length: 0.0,
            longer: 0.0,
            words: false,
            seed: 1,
        }
    }
}

pub(crate) fn config() -> Config {
    Config { seed: 3, folds: 5, permutations: 99, resamples: 200 }
}

/// A sample by plan: each scenario has one text of each class, and its topic is one of eight.
pub(crate) fn sample(plan: &Plan) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let k = plan.classes.len();
    let (mut topics, mut items) = (Vec::new(), Vec::new());
    let (mut noise, mut signal) = (Vec::new(), Vec::new());
    for _ in 0..N_TOPICS {
        topics.push(normals(&mut rng, plan.topic));
    }
    for scenario in 0..N_SCENARIOS {
        let topic = scenario % N_TOPICS;
        let (shared, base) = (normals(&mut rng, plan.scenario), 30 + rng.random_range(0..20));
        for class in 0..k {
            let n_words = (f64::from(base) * (1.0 + plan.longer * class as f64)).round() as usize;
            let text = words(&mut rng, n_words, plan.words.then_some(class));
            let own = normals(&mut rng, 1.0);
            let row: Vec<f64> = (0..WIDTH).map(|j| own[j] + shared[j] + topics[topic][j]).collect();
            let which = if plan.by_topic { class + k * topic } else { class };
            let length = plan.length * (text.chars().count() as f64 - 100.0) / 100.0;
            let along = |j: usize| {
                plan.classes[class] * axis(10 + which)[j]
                    + plan.concept * class as f64 * axis(0)[j]
                    + length * axis(1)[j]
            };
            signal.push((0..WIDTH).map(along).collect::<Vec<f64>>());
            noise.push(row);
            items.push(Item { text, class, group: scenario as u64, topic: format!("topic {topic}") });
        }
    }
    let at = |name: &str, strength: f64| {
        let values = noise.iter().zip(&signal).flat_map(|(n, s)| n.iter().zip(s).map(|(n, s)| n + strength * s));
        Features::new(name, WIDTH, values.collect()).unwrap()
    };
    let mut layers = BTreeMap::new();
    for pool in [Pool::Last, Pool::Response] {
        layers.insert(pool, vec![at("layer 0", 0.0), at("layer 1", 1.0)]);
    }
    for (quarter, pool) in Pool::QUARTERS.into_iter().enumerate() {
        layers.insert(pool, vec![at("layer 0", 0.0), at("layer 1", quarter as f64 / 3.0)]);
    }
    let names = ["cognitive", "affective", "instrumental"];
    Sample::new("planted", names.into_iter().take(k), items, layers).unwrap()
}

/// Pairs of casual and formal texts, which differ along one direction.
pub(crate) fn concept() -> Sample {
    let mut concept = sample(&Plan { classes: vec![0.0, 0.0], concept: 3.0, seed: 91, ..Plan::default() });
    concept.classes = vec!["casual".into(), "formal".into()];
    concept.name = "register".into();
    concept
}

/// The same rows and texts with classes that mean nothing.
pub(crate) fn shuffled(sample: &Sample) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut shuffled = sample.clone();
    for scenario in shuffled.items.chunk_by_mut(|a, b| a.group == b.group) {
        let mut classes: Vec<usize> = scenario.iter().map(|item| item.class).collect();
        classes.shuffle(&mut rng);
        scenario.iter_mut().zip(classes).for_each(|(item, class)| item.class = class);
    }
    shuffled
}

/// The same scenarios under numbers of their own.
pub(crate) fn renumbered(mut sample: Sample, first: u64) -> Sample {
    sample.items.iter_mut().for_each(|item| item.group += first);
    sample
}

/// A direction of length 1; those of different numbers are at right angles as long as there are columns.
pub(crate) fn axis(number: usize) -> Vec<f64> {
    // Cosines of whole frequencies are orthogonal.
    let at = |j: usize| (std::f64::consts::PI * (j as f64 + 0.5) * (number % WIDTH) as f64 / WIDTH as f64).cos();
    let length = (0..WIDTH).map(|j| at(j).powi(2)).sum::<f64>().sqrt();
    (0..WIDTH).map(|j| at(j) / length).collect()
}

fn normals(rng: &mut ChaCha8Rng, deviation: f64) -> Vec<f64> {
    let mut normal = || {
        let (a, b): (f64, f64) = (rng.random(), rng.random());
        deviation * (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    };
    (0..WIDTH).map(|_| normal()).collect()
}

/// Words that say nothing, of 2 to 5 letters, and a few of the class.
fn words(rng: &mut ChaCha8Rng, n: usize, class: Option<usize>) -> String {
    let mut word = |_| match class {
        Some(class) if rng.random_range(0..5) == 0 => format!("class{class}{}", rng.random_range(0..3)),
        _ => {
            let number = rng.random_range(0..150_u32);
            let letter = |i: u32| char::from(b'a' + (number / 26_u32.pow(i) % 26) as u8);
            format!("{}{}{}", letter(0), letter(1), "o".repeat((number % 4) as usize))
        }
    };
    (0..n).map(&mut word).collect::<Vec<_>>().join(" ") + "."
}
