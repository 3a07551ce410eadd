//! Each check finds what was planted, and nothing where nothing was planted or labels are shuffled.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the test does")]

#[path = "shared/planted.rs"]
mod planted;

use isinglass_stats::Estimate;
use isinglass_studies::StudyError;
use isinglass_studies::tripartite::checks::{
    RowsAs, across_topics, against, agreement, centred, clusters, control, cosines, d_prime, erasure, length_control,
    quarters,
};
use isinglass_studies::tripartite::{Pool, Sample, Told};
use planted::{NOTHING, PLANTED, Plan, concept, config, renumbered, sample, shuffled};

const POOL: Pool = Pool::Response;

fn p(estimate: &Estimate) -> f64 {
    estimate.p().unwrap().value()
}

/// Above chance, and p says so.
fn found(told: &Told) {
    assert!(told.auroc.value() > 0.75 && p(&told.auroc) <= 0.02, "{}: {}", told.what, told.auroc);
    assert!((told.null - 0.5).abs() < 0.05, "{}: null {}", told.what, told.null);
}

fn not_found(told: &Told) {
    assert!(told.auroc.value() < 0.62 && p(&told.auroc) > 0.02, "{}: {}", told.what, told.auroc);
}

fn interval(estimate: &Estimate) -> (f64, f64) {
    estimate.interval().map_or((estimate.value(), estimate.value()), |i| (i.low(), i.high()))
}

/// Where nothing is planted: the layer without, and the layer with shuffled labels.
fn nothing(sample: &Sample) -> [(Sample, usize); 2] {
    [(sample.clone(), NOTHING), (shuffled(sample), PLANTED)]
}

/// A result can be written and read, which a number that is none cannot.
fn kept<T: serde::Serialize + serde::de::DeserializeOwned>(result: &T) {
    serde_json::from_str::<T>(&serde_json::to_string(result).unwrap()).unwrap();
}

#[test]
fn cosines_are_near_the_floor_unless_classes_differ_and_never_below() {
    // One class between the other two, so that its weights are short and the triangle is flat.
    let planted = sample(&Plan { classes: vec![0.0; 3], concept: 3.0, ..Plan::default() });
    let real = cosines(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&real);
    assert!((real.floor + 0.5).abs() < 1e-15);
    for of in [&real.one_vs_rest, &real.softmax] {
        assert!(of.mean.value() > of.null.high && p(&of.mean) <= 0.02, "{of:?}");
        assert!(of.null.mean < -0.4 && of.null.low >= -0.5 - 1e-6 && of.null.n == 99, "{of:?}");
        assert_eq!(of.pairs.len(), 3);
        let mean = of.pairs.iter().map(|pair| pair.cosine.value()).sum::<f64>() / 3.0;
        assert!((mean - of.mean.value()).abs() < 1e-12);
    }
    assert_eq!(real.softmax.pairs[2].classes, ["affective", "instrumental"]);
    for (sample, layer) in nothing(&planted) {
        let none = cosines(&sample, POOL, layer, &config()).unwrap();
        assert!(p(&none.one_vs_rest.mean) > 0.02 && none.one_vs_rest.mean.value() < -0.4, "{none:?}");
    }
    assert!(matches!(cosines(&planted.only(&[0, 1]), POOL, PLANTED, &config()), Err(StudyError::Stats(_))));
}

#[test]
fn d_prime_is_there_out_of_fold_and_in_sample_it_is_there_without_a_reason() {
    let planted = sample(&Plan { classes: vec![0.0, 3.0, 5.0], ..Plan::default() });
    let real = d_prime(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&real);
    assert_eq!(real.pairs.len(), 3);
    for pair in &real.pairs {
        assert!(pair.held_out.value() > 0.8 && p(&pair.held_out) <= 0.02, "{pair:?}");
        assert!(pair.held_out_null.mean.abs() < 0.2, "{pair:?}");
        assert!(pair.in_sample.value() > pair.held_out.value() && pair.in_sample_null.low > 0.4, "{pair:?}");
    }
    for (sample, layer) in nothing(&planted) {
        for pair in d_prime(&sample, POOL, layer, &config()).unwrap().pairs {
            assert!(pair.held_out.value() < 0.6 && p(&pair.held_out) > 0.02, "{pair:?}");
            assert!(pair.in_sample.value() > 0.4, "noise looks like something in sample: {pair:?}");
        }
    }
}

#[test]
fn length_explains_what_it_does_and_no_more() {
    // Activations that know nothing but the length, which goes with the class.
    let long = sample(&Plan { classes: vec![0.0; 3], length: 8.0, longer: 0.3, ..Plan::default() });
    let control = length_control(&long, POOL, PLANTED, &config()).unwrap();
    kept(&control);
    found(&control.alone);
    found(&control.raw);
    not_found(&control.residualised);
    assert!(interval(&control.lost).0 > 0.1, "{}", control.lost);
    assert!(control.n_matched == 0 && control.matched.is_none());

    // Classes that are of one length.
    let planted = sample(&Plan::default());
    let control = length_control(&planted, POOL, PLANTED, &config()).unwrap();
    not_found(&control.alone);
    found(&control.residualised);
    assert!(control.lost.value().abs() < 0.05, "{}", control.lost);
    let matched = control.matched.unwrap();
    assert!(control.n_matched > 20 && control.n_matched <= planted::N_SCENARIOS);
    found(&matched.told);
    not_found(&matched.alone);
    for (sample, layer) in nothing(&planted) {
        let none = length_control(&sample, POOL, layer, &config()).unwrap();
        not_found(&none.raw);
        not_found(&none.residualised);
    }
}

#[test]
fn erasing_takes_classes_that_are_the_concept_and_leaves_others() {
    let concept = concept();
    let same = sample(&Plan { classes: vec![0.0; 3], concept: 2.0, ..Plan::default() });
    let erased = erasure(&same, &concept, POOL, PLANTED, &config()).unwrap();
    kept(&erased);
    found(&erased.concept);
    found(&erased.before);
    assert_eq!(erased.removals.iter().map(|removal| removal.rank).collect::<Vec<_>>(), [1, 1, 5]);
    for removal in &erased.removals {
        assert!(interval(&removal.change).1 < -0.1, "{}: {}", removal.by, removal.change);
        assert!(removal.concept_left.value() < erased.concept.auroc.value() - 0.1, "{removal:?}");
    }
    assert!(erased.removals[1].told.auroc.value() < 0.65, "{:?}", erased.removals[1]);
    assert!(interval(&erased.at_random.beyond).1 < -0.1 && erased.at_random.auroc.value() > 0.75, "{erased:?}");
    assert!(interval(&erased.leakage.change).1 < -0.1 && erased.leakage.rank == 2, "{:?}", erased.leakage);
    let towards = |class: usize| &erased.cosines[class].cosine;
    assert!(towards(2).value() > 0.5 && p(towards(2)) <= 0.05 && towards(0).value() < -0.5, "{:?}", erased.cosines);

    let other = sample(&Plan::default());
    let erased = erasure(&other, &concept, POOL, PLANTED, &config()).unwrap();
    for removal in &erased.removals[..2] {
        found(&removal.told);
        assert!(removal.change.value().abs() < 0.05, "{removal:?}");
    }
    assert!(erased.at_random.beyond.value().abs() < 0.03, "{:?}", erased.at_random);
    assert!(erased.leakage.change.value().abs() < 0.05, "{:?}", erased.leakage);
    assert!(erased.cosines.iter().all(|towards| towards.cosine.value().abs() < 0.4), "{:?}", erased.cosines);

    // Registers that differ in nothing.
    let none = erasure(&other, &shuffled(&concept), POOL, PLANTED, &config()).unwrap();
    not_found(&none.concept);
    assert!(matches!(erasure(&other, &other, POOL, PLANTED, &config()), Err(StudyError::Stats(_))));
}

#[test]
fn quarters_show_where_the_classes_begin() {
    let planted = sample(&Plan { words: true, ..Plan::default() });
    let told = quarters(&planted, PLANTED, &config()).unwrap();
    kept(&told);
    assert_eq!(told.iter().map(|(pool, _)| *pool).collect::<Vec<_>>(), Pool::QUARTERS);
    not_found(&told[0].1);
    found(&told[3].1);
    assert!(told[2].1.auroc.value() > told[0].1.auroc.value());
    // The words tell as well, and say so.
    assert!(told[3].1.lead.value() <= 0.0 && told[3].1.best_baseline().unwrap().1.value() > 0.95);
    assert!(quarters(&planted, 2, &config()).is_err());
    for (sample, layer) in nothing(&sample(&Plan::default())) {
        quarters(&sample, layer, &config()).unwrap().iter().for_each(|(_, told)| not_found(told));
    }
}

#[test]
fn clusters_are_of_topics_until_scenarios_are_taken_away() {
    let planted = sample(&Plan { classes: vec![0.0, 5.0, 8.0], topic: 4.0, ..Plan::default() });
    let all = clusters(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&all);
    assert_eq!(all.iter().map(|c| c.k).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 2, 3, 4, 5, 6]);
    let six = &all[4];
    let topics = six.topics.as_ref().unwrap();
    assert!(topics.adjusted_rand.value() > 0.5 && p(&topics.adjusted_rand) <= 0.02, "{six:?}");
    assert!(six.classes.adjusted_rand.value() < 0.1 && p(&six.scenarios.adjusted_rand) <= 0.02, "{six:?}");
    let three = &all[6];
    assert_eq!(three.rows, RowsAs::WithinScenario);
    assert!(three.classes.adjusted_rand.value() > 0.8 && p(&three.classes.purity) <= 0.02, "{three:?}");
    assert!(three.silhouette.value() > 0.1 && p(&three.silhouette) <= 0.02, "{three:?}");
    for (sample, layer) in nothing(&planted) {
        for found in clusters(&sample, POOL, layer, &config()).unwrap() {
            assert!(found.classes.adjusted_rand.value() < 0.1, "{found:?}");
            assert!(p(&found.silhouette) > 0.02, "{found:?}");
        }
    }
    let mut one_topic = planted.clone();
    one_topic.items.iter_mut().for_each(|item| item.topic = "all".into());
    assert!(clusters(&one_topic, POOL, PLANTED, &config()).unwrap()[0].topics.is_none());
}

#[test]
fn probes_agree_about_nonsense_too() {
    let planted = sample(&Plan::default());
    let real = agreement(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&real);
    assert_eq!((real.pairs.len(), real.with_truth.len()), (6, 4));
    for truth in &real.with_truth {
        assert!(truth.kappa.value() > 0.4 && p(&truth.kappa) < 0.05 && truth.shuffled.mean.abs() < 0.1, "{truth:?}");
    }
    for (sample, layer) in nothing(&planted) {
        let none = agreement(&sample, POOL, layer, &config()).unwrap();
        assert!(none.pairs.iter().all(|pair| pair.kappa.value() > 0.3 && pair.shuffled.mean > 0.3), "{none:?}");
        assert!(none.with_truth.iter().all(|truth| truth.kappa.value() < 0.2), "{none:?}");
    }
    // Of two classes a softmax is the one-vs-rest probe.
    assert_eq!(agreement(&planted.only(&[0, 2]), POOL, PLANTED, &config()).unwrap().pairs.len(), 3);
}

#[test]
fn centring_takes_the_scenario_away() {
    let planted = sample(&Plan { scenario: 3.0, ..Plan::default() });
    let told = centred(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&told);
    found(&told);
    assert_eq!(told.what, "classes within a scenario, 40 of 40 scenarios");
    let raw = length_control(&planted, POOL, PLANTED, &config()).unwrap().raw;
    assert!(told.auroc.value() > raw.auroc.value() + 0.05, "{} {}", told.auroc, raw.auroc);
    for (sample, layer) in nothing(&planted) {
        not_found(&centred(&sample, POOL, layer, &config()).unwrap());
    }
    // A scenario that lacks a class is left out.
    let first_two = planted.only(&[0, 1]);
    assert_eq!(centred(&first_two, POOL, PLANTED, &config()).unwrap().auroc.n(), 80);
}

#[test]
fn what_topics_teach_may_hold_for_them_alone() {
    let planted = sample(&Plan::default());
    let transfer = across_topics(&planted, POOL, PLANTED, &config()).unwrap();
    kept(&transfer);
    found(&transfer.told);
    assert!(transfer.lost.value().abs() < 0.1, "{}", transfer.lost);
    assert_eq!(transfer.topics.len(), planted::N_TOPICS);
    let topic = &transfer.topics[3];
    assert_eq!((topic.name.as_str(), topic.n_scenarios), ("topic 3", 5));
    assert!(topic.auroc.as_ref().unwrap().value() > 0.6 && topic.words.is_some());

    // Each topic has directions of its own, of which the others know nothing.
    let own = Plan { classes: vec![0.0, 0.0, 7.0], by_topic: true, topic: 3.0, ..Plan::default() };
    let transfer = across_topics(&sample(&own), POOL, PLANTED, &config()).unwrap();
    assert!(interval(&transfer.lost).0 > 0.05, "{transfer:?}");
    for (sample, layer) in nothing(&planted) {
        not_found(&across_topics(&sample, POOL, layer, &config()).unwrap().told);
    }
    let mut torn = planted.clone();
    torn.items[0].topic = "another".into();
    assert!(matches!(across_topics(&torn, POOL, PLANTED, &config()), Err(StudyError::Fit(_))));
}

#[test]
fn a_control_without_classes_is_told_from_one_with() {
    let planted = sample(&Plan::default());
    let mut empty = sample(&Plan { classes: vec![0.0; 3], seed: 5, ..Plan::default() });
    empty.name = "control".into();
    let contrast = control(&planted, &empty, POOL, PLANTED, &config()).unwrap();
    kept(&contrast);
    not_found(&contrast.told);
    assert!(contrast.same_scenarios && interval(&contrast.difference).0 > 0.1, "{}", contrast.difference);
    let apart = control(&planted, &renumbered(empty, 500), POOL, PLANTED, &config()).unwrap();
    let how = apart.difference.interval().unwrap().method().to_owned();
    assert!(!apart.same_scenarios && how.contains("80 groups within 2 strata"), "{how}");
    assert!((apart.difference.value() - contrast.difference.value()).abs() < 1e-12);
    // Another sample of the same make.
    let alike = sample(&Plan { seed: 8, ..Plan::default() });
    let (low, high) = interval(&control(&planted, &alike, POOL, PLANTED, &config()).unwrap().difference);
    assert!(low < 0.0 && high > 0.0, "{low} {high}");
    for (sample, layer) in nothing(&planted) {
        let (low, high) = interval(&control(&sample, &alike, POOL, layer, &config()).unwrap().difference);
        assert!(if layer == NOTHING { low < 0.0 && high > 0.0 } else { high < 0.0 }, "{low} {high}");
    }
}

#[test]
fn samples_are_told_apart_if_they_differ() {
    let planted = sample(&Plan { topic: 0.0, ..Plan::default() });
    let alike = sample(&Plan { topic: 0.0, seed: 9, ..Plan::default() });
    not_found(&against(&planted, &alike, POOL, PLANTED, &config()).unwrap());
    let other = sample(&Plan { topic: 0.0, seed: 9, classes: vec![8.0; 3], words: true, ..Plan::default() });
    let told = against(&planted, &other, POOL, PLANTED, &config()).unwrap();
    kept(&told);
    found(&told);
    assert!(told.best_baseline().unwrap().1.value() > 0.9);
    assert_eq!(told.auroc.n(), 240);
}
