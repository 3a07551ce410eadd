#![allow(clippy::float_cmp, reason = "counts and small sums are exact")]

use std::sync::Mutex;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{Baselines, CrossFit, Features, Logistic};

const CLASSES: [&str; 2] = ["warm", "cold"];

/// Pairs of texts of twelve words of four letters each, all drawn alike: nothing tells the classes apart.
fn even(n_groups: usize) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut word = || -> String {
        let mut letter = |of: &str| char::from(of.as_bytes()[rng.random_range(0..of.len())]);
        [letter("bdfgklmnprst"), letter("aeiou"), letter("lmnrst"), letter("aeo")].iter().collect()
    };
    (0..2 * n_groups).map(|_| (0..12).map(|_| word()).collect::<Vec<_>>().join(" ") + ".").collect()
}

fn paired(texts: &[String]) -> Vec<AuditText<'_>> {
    texts.iter().enumerate().map(|(i, text)| AuditText { text, class: i % 2, group: i as u64 / 2 }).collect()
}

fn audited(texts: &[String]) -> Audited {
    Audit::of(&paired(texts), &CLASSES).folds(5).splits(2).permutations(40).resamples(60).run().unwrap()
}

/// What is over its limit, without the classes.
fn over(found: &Audited) -> Vec<&str> {
    let mut over: Vec<&str> = found.over().map(|verdict| verdict.what.as_str()).collect();
    over.sort_unstable();
    over
}

/// The even texts after something was done to those of the first class, each with its group.
fn planted(plant: impl Fn(usize, &str) -> String) -> Audited {
    let texts = even(30).into_iter().enumerate();
    audited(&texts.map(|(i, text)| if i % 2 == 0 { plant(i / 2, &text) } else { text }).collect::<Vec<_>>())
}

#[test]
fn even_texts_pass() {
    let found = planted(|_, text| text.to_owned());
    assert_eq!(over(&found), [] as [&str; 0], "{:#?}", found.verdicts);
    // Two lengths, two by TF-IDF, first words, marks, phrases, duplicates.
    assert_eq!(found.verdicts.len(), 8);
    assert_eq!((found.repeats.exact, found.repeats.near, found.repeats.most_texts), (0, 0, 1));
    assert_eq!((found.ends.marks.as_slice(), found.ends.association.as_ref()), (&[".".to_owned()][..], None));
    let pair = &found.lengths[0].pairs[0];
    assert_eq!((pair.auroc.value(), &found.lengths[0].classes[0].mean.value()), (0.5, &60.0));
    assert!(found.separated[0].by.iter().all(|told| (0.3..0.7).contains(&told.chance)));
    let texts = even(30);
    let limits = Limits { characters: Some(0.1), ..Limits::of(2) };
    let strict =
        Audit::of(&paired(&texts), &CLASSES).limits(limits).folds(5).splits(1).permutations(5).resamples(60).run();
    assert_eq!(over(&strict.unwrap()), ["3 to 5 characters (TF-IDF)"]);
}

#[test]
fn what_is_planted_is_found() {
    let cut = |text: &str, n: usize| text.split(' ').take(n).collect::<Vec<_>>().join(" ");
    let longer = planted(|_, text| format!("{} {text}", cut(text, 1)));
    assert!(over(&longer).starts_with(&["length in characters", "length in words"]), "{:?}", over(&longer));
    assert_eq!(longer.lengths[1].pairs[0].auroc.value(), 1.0);

    // The words of all openings are in every text, so that their places alone differ.
    let opening = planted(|i, text| format!("so well {text} {} so well", ["oh", "ah"][i % 2]));
    assert!(over(&opening).contains(&"first three words"), "{:?}", over(&opening));
    assert_eq!((opening.openings[0].words.as_str(), opening.openings[0].share.value()), ("so", 1.0));

    let marks = planted(|i, text| if i < 10 { text.replace('.', "!") } else { text.to_owned() });
    assert!(over(&marks).contains(&"final marks"), "{:?}", over(&marks));
    // 20 and 10, 30 and 0: χ² = 60 · (20 · 0 - 10 · 30)² / (30 · 30 · 50 · 10) = 12, V = √(12 / 60).
    assert_eq!(marks.ends.counts, [[20, 10], [30, 0]]);
    let association = marks.ends.association.unwrap();
    assert!((association.value() - 0.2_f64.sqrt()).abs() < 1e-12);
    assert_eq!(association.p().map(isinglass_stats::PValue::value), Some(1.0 / 41.0));

    let word = planted(|i, text| {
        let (start, end) = text.split_at(20 + 5 * (i % 4));
        format!("{start}{}{}", ["hope", "wish"][i % 2], &end[4..])
    });
    assert!(over(&word).contains(&"words (TF-IDF)"), "{:?}", over(&word));
    let mut telling: Vec<&str> = word.separated[0].telling[..2].iter().map(|telling| telling.word.as_str()).collect();
    telling.sort_unstable();
    assert_eq!(telling, ["hope", "wish"]);
    assert!(word.separated[0].telling[0].weight > 0.0 && word.separated[0].telling[15].weight < 0.0);

    let phrase = planted(|i, text| if i < 3 { text.replace('.', " in the end it is.") } else { text.to_owned() });
    assert!(over(&phrase).contains(&"texts that share five words"), "{:?}", over(&phrase));
    assert_eq!((phrase.repeats.most_texts, phrase.repeats.n_grams[0].words.as_str()), (3, "in the end it is"));

    let first = even(30)[0].clone();
    let twice = planted(|i, text| if i == 7 { first.to_uppercase() } else { text.to_owned() });
    assert_eq!((over(&twice), twice.repeats.duplicates[0].texts), (vec!["duplicates across groups"], [0, 14]));
}

/// A figure is the mean of those that [`CrossFit`] gives with each of the seeds.
#[test]
fn a_figure_is_the_mean_over_splits() {
    let texts = even(12);
    let found = Audit::of(&paired(&texts), &CLASSES).folds(4).splits(3).permutations(20).resamples(60).seed(8).run();
    let found = found.unwrap();
    let labels = Labels::paired((0..24).map(|i| i % 2 == 0).collect(), (0..24).map(|i| i / 2).collect()).unwrap();
    let nothing = Features::new("nothing", 1, (0..24).map(f64::from).collect()).unwrap();
    let runs: Vec<_> = (8..11)
        .map(|seed| {
            let probe = Logistic::l2(1.0);
            let asked = CrossFit::new(&probe).folds(4).permutations(1).resamples(60).seed(seed);
            asked.run(std::slice::from_ref(&nothing), &labels, &Baselines::of(&texts)).unwrap().baselines
        })
        .collect();
    for (of_audit, of_cross_fit) in [(0, 0), (3, 1), (4, 2), (5, 3)] {
        let told = &found.separated[0].by[of_audit];
        let mean =
            |of: &dyn Fn(&crate::Scored) -> f64| runs.iter().map(|run| of(&run[of_cross_fit])).sum::<f64>() / 3.0;
        assert_eq!(told.name, runs[0][of_cross_fit].name);
        assert!((told.auroc.value() - mean(&|scored| scored.auroc.value())).abs() < 1e-9, "{}", told.name);
        assert!((told.accuracy.value() - mean(&|scored| scored.accuracy.value())).abs() < 1e-9, "{}", told.name);
    }
}

#[test]
fn three_classes_are_compared_two_by_two_and_together() {
    let classes = ["red", "green", "blue"];
    let texts: Vec<String> =
        even(18).into_iter().enumerate().map(|(i, text)| format!("{text} {}", classes[i % 3])).collect();
    let texts: Vec<AuditText<'_>> =
        texts.iter().enumerate().map(|(i, text)| AuditText { text, class: i % 3, group: i as u64 / 3 }).collect();
    let scenarios = [("What a day we had out there.", 0), ("What a day we had out there!", 1)];
    let told = Mutex::new(Vec::new());
    let progress = |done, of| told.lock().unwrap().push((done, of));
    let asked = Audit::of(&texts, &classes).beside(&scenarios).folds(4).splits(2).permutations(20).resamples(60);
    let found = asked.progress(&progress).run().unwrap();
    let compared: Vec<String> = found.separated.iter().map(|separated| separated.classes.join(" ")).collect();
    assert_eq!(compared, ["red green", "red blue", "green blue", "red green blue"]);
    let telling = &found.separated[1].telling;
    assert_eq!((telling[0].word.as_str(), telling[15].word.as_str()), ("red", "blue"));
    assert!(found.separated.iter().all(|separated| separated.by[0].auroc.value() > 0.95));
    assert!(found.separated[3].by[0].accuracy.value() > 0.8 && found.separated[3].telling.is_empty());
    assert_eq!(found.makes, [Make { texts: vec![1, 1, 1], groups: 12 }]);
    assert_eq!((found.repeats.exact, found.repeats.duplicates[0].texts), (1, [36, 37]));
    let mut told = told.into_inner().unwrap();
    told.sort_unstable();
    assert_eq!((told.len(), told[47]), (48, (48, 48)));
    serde_json::to_string(&found).unwrap();
}

#[test]
fn designs_are_read_off_the_groups() {
    let null = |classes: &[usize], groups: &[u64]| designed(classes.to_vec(), groups.to_vec()).unwrap().null();
    assert_eq!(null(&[0, 1, 0, 1], &[5, 5, 6, 6]), "labels shuffled within groups, refitted");
    assert_eq!(null(&[0, 0, 1, 1], &[5, 5, 6, 6]), "labels of whole groups shuffled, refitted");
    assert_eq!(null(&[0, 1, 0, 1], &[5, 6, 7, 8]), "labels shuffled, refitted");
}

#[test]
fn what_cannot_be_audited_is_refused() {
    let texts = even(4);
    let rows = paired(&texts);
    let check = |asked: Audit<'_>| asked.splits(1).permutations(20).resamples(60).run().unwrap_err();
    let few = check(Audit::of(&rows, &CLASSES));
    assert!(matches!(&few, FitError::FewGroups { class, n_groups: 4, least: 10 } if class == "warm"), "{few}");
    assert_eq!(
        few.to_string(),
        "class `warm` has texts in 4 groups, and 10 folds need 10 at least; give more texts, or ask for fewer folds"
    );
    let absent = check(Audit::of(&rows, &["warm", "cold", "absent"]).folds(2));
    assert!(matches!(&absent, FitError::FewGroups { class, n_groups: 0, .. } if class == "absent"));
    assert!(matches!(check(Audit::of(&rows, &["warm"]).folds(2)), FitError::NoSuchClass { class: 1, n_classes: 1 }));
    assert!(matches!(check(Audit::of(&[], &CLASSES)), FitError::Stats(StatsError::Empty { what: "texts" })));
    let folds = check(Audit::of(&rows, &CLASSES).folds(1));
    assert!(matches!(folds, FitError::Stats(StatsError::TooFewFolds { n_folds: 1 })), "{folds}");
    let limits = Limits { tf_idf: f64::NAN, ..Limits::of(2) };
    let what = "greatest AUROC by TF-IDF";
    assert!(
        matches!(check(Audit::of(&rows, &CLASSES).limits(limits)), FitError::BadSetting { what: w, .. } if w == what)
    );
    let none = Audit::of(&rows, &CLASSES).folds(2).permutations(0).run().unwrap_err();
    assert!(matches!(none, FitError::BadSetting { what: "permutations", .. }));
    // One letter each: no word, no phrase, no mark that differs.
    let bare: Vec<AuditText<'_>> = (0..8).map(|i| AuditText { text: "?", class: i % 2, group: i as u64 / 2 }).collect();
    let found = Audit::of(&bare, &CLASSES).folds(2).splits(1).permutations(5).resamples(60).run().unwrap();
    assert_eq!((found.separated[0].by[0].auroc.value(), found.repeats.most_texts), (0.5, 0));
}
