//! The verdicts follow what was planted: shuffled labels, a zeroed direction, swapped layers and telling words turn them over.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the test does")]

#[path = "shared/planted.rs"]
mod planted;

use std::collections::BTreeMap;

use isinglass_probe::{Erasure, Features};
use isinglass_studies::tripartite::{Config, Kept, Pool, Sample, Samples, Verdict, probe, validate, verdicts};
use planted::{NOTHING, PLANTED, Plan, axis, concept, renumbered, sample, shuffled};

const KINDS: [&str; 3] = ["cognitive", "affective", "instrumental"];

fn config() -> Config {
    Config { permutations: 59, resamples: 120, ..planted::config() }
}

/// The same texts with other rows.
fn with_layers(sample: &Sample, of: impl Fn(&[Features]) -> Vec<Features>) -> Sample {
    let layers: BTreeMap<Pool, Vec<Features>> =
        sample.pools().map(|pool| (pool, of(sample.layers(pool).unwrap()))).collect();
    Sample::new(&sample.name, sample.classes.iter(), sample.items.clone(), layers).unwrap()
}

fn ordered(sample: &Sample, order: [usize; 3]) -> Sample {
    with_layers(sample, |layers| order.iter().map(|&layer| layers[layer].clone()).collect())
}

/// Verdicts by claim, when the kinds of empathy are these, and arise after formality or before it.
fn of(triplets: &Sample, kinds_later: bool) -> BTreeMap<&'static str, Verdict> {
    let weak = |seed| sample(&Plan { classes: vec![0.0, 0.5, 1.0], seed, ..Plan::default() });
    let samples = Samples {
        triplets: triplets.clone(),
        non_empathy: renumbered(weak(31), 1000),
        stripped: weak(32),
        register: concept(),
    };
    let (early, late) = ([NOTHING, PLANTED, PLANTED], [NOTHING, NOTHING, PLANTED]);
    let (of_kinds, of_formality) = if kinds_later { (late, early) } else { (early, late) };
    let (kinds, formality) = (ordered(triplets, of_kinds), ordered(&samples.register, of_formality));
    let probed = probe(&kinds, &formality, &config(), &mut |_, _| {}).unwrap();
    let validated = validate(&samples, &config(), &Kept::nothing(), &mut |_, _| {}).unwrap();
    let claims = verdicts(&probed, &validated);
    assert!(claims.iter().all(|claim| claim.verdict == Verdict::NotTestable || !claim.numbers.is_empty()));
    claims.into_iter().map(|claim| (claim.id, claim.verdict)).collect()
}

/// What rests on the classes being there.
const OF_CLASSES: [&str; 9] = [
    "decodable",
    "beyond_words",
    "beyond_embeddings",
    "within_scenarios",
    "across_topics",
    "not_length",
    "not_formality",
    "more_than_styles",
    "more_than_neutral",
];

/// What no numbers of this kind can show.
const NEVER: [&str; 4] = ["cosines_opposed", "probes_agree", "causal", "features"];

fn planted() -> Sample {
    sample(&Plan { classes: vec![0.0, 2.0, 4.0], ..Plan::default() })
}

fn expect(found: &BTreeMap<&str, Verdict>, ids: &[&str], expected: Verdict) {
    for id in ids {
        assert_eq!(found[id], expected, "{id}: {found:?}");
    }
}

#[test]
fn planted_classes_are_supported() {
    let found = of(&planted(), true);
    expect(&found, &OF_CLASSES, Verdict::Supported);
    expect(&found, &["d_prime", "later_than_formality"], Verdict::Supported);
    expect(&found, &NEVER, Verdict::NotTestable);
}

#[test]
fn shuffled_labels_turn_them_over() {
    let found = of(&shuffled(&planted()), true);
    expect(&found, &OF_CLASSES, Verdict::NotSupported);
    expect(&found, &["d_prime", "clusters", "from_the_start"], Verdict::NotSupported);
    expect(&found, &["later_than_formality"], Verdict::NotTestable);
    expect(&found, &NEVER, Verdict::NotTestable);
}

#[test]
fn a_zeroed_direction_turns_them_over() {
    let without = |layers: &[Features]| -> Vec<Features> {
        let zeroed = |rows: &Features| {
            (10..10 + KINDS.len())
                .fold(rows.clone(), |rows, number| Erasure::project_out(&axis(number)).unwrap().apply(&rows).unwrap())
        };
        layers.iter().map(zeroed).collect()
    };
    let found = of(&with_layers(&planted(), without), true);
    expect(&found, &OF_CLASSES, Verdict::NotSupported);
    expect(&found, &["later_than_formality"], Verdict::NotTestable);
}

#[test]
fn swapped_layers_and_telling_words_turn_theirs_over() {
    let telling = sample(&Plan { classes: vec![0.0, 2.0, 4.0], words: true, ..Plan::default() });
    let found = of(&telling, false);
    expect(&found, &["decodable", "within_scenarios"], Verdict::Supported);
    expect(&found, &["later_than_formality", "beyond_words"], Verdict::NotSupported);

    // The embeddings in place of the layer: nothing was ever there.
    let swapped = with_layers(&planted(), |layers| layers.iter().rev().cloned().collect());
    let found = of(&swapped, true);
    expect(&found, &["decodable", "beyond_words", "beyond_embeddings", "within_scenarios"], Verdict::NotSupported);
}
