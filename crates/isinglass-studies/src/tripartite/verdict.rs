//! What may be claimed.

use std::fmt;

use isinglass_stats::Estimate;
use serde::{Deserialize, Serialize};

use super::checks::RowsAs;
use super::{Pool, Probed, Told, Validated};

/// What the numbers say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They bear it out.
    Supported,
    /// They do not.
    NotSupported,
    /// They could not have said either.
    NotTestable,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Supported => "supported",
            Self::NotSupported => "not supported",
            Self::NotTestable => "not testable",
        })
    }
}

/// A claim and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// A short name, which stays the same.
    pub id: &'static str,
    /// What is claimed.
    pub claim: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// Why: the rule that was applied.
    pub because: String,
    /// The numbers that it was applied to.
    pub numbers: Vec<(String, Estimate)>,
}

/// The level of every verdict.
const LEVEL: f64 = 0.05;

/// From this adjusted Rand index on, clusters are more like the classes than not.
const ALIKE: f64 = 0.5;

/// Above this nothing can be told apart from the words any more.
const SATURATED: f64 = 0.95;

/// The lower end of the interval; where all resamples agree there is none, and the value is what they agree on.
fn low(estimate: &Estimate) -> f64 {
    estimate.interval().map_or(estimate.value(), isinglass_stats::Interval::low)
}

/// The p that counts: corrected, where that was done.
fn p(estimate: &Estimate) -> f64 {
    estimate.p().map_or(1.0, |p| p.adjusted().map_or(p.value(), isinglass_stats::Adjusted::value))
}

/// Better than chance, by permutation and by interval.
fn is_told(told: &Told) -> bool {
    p(&told.auroc) <= LEVEL && low(&told.auroc) > 0.5
}

fn verdict(supported: bool) -> Verdict {
    if supported { Verdict::Supported } else { Verdict::NotSupported }
}

const TOLD: &str = "AUROC with p at most 0.05 and an interval above 0.5";

/// The claims of the original study and those it did not make, each with its verdict.
///
/// The rules are fixed: they do not look at the numbers before they are applied. A claim that is not supported may be true:
/// the numbers do not bear it out.
pub fn verdicts(probed: &Probed, validated: &Validated) -> Vec<Claim> {
    [decoding(validated), geometry(validated), explanations(validated), layers(probed, validated), beyond()].concat()
}

fn decoding(validated: &Validated) -> Vec<Claim> {
    let Validated { three_way, beyond_embeddings, centred, across_topics, quarters, .. } = validated;
    let auroc = || ("AUROC, all three classes".to_owned(), three_way.auroc.clone());
    let mut words = vec![auroc(), ("lead over the best baseline".to_owned(), three_way.lead.clone())];
    words.extend(three_way.best_baseline().cloned());
    vec![
        Claim {
            id: "decodable",
            claim: "The three kinds of empathy can be told apart from activations",
            verdict: verdict(is_told(three_way)),
            because: TOLD.into(),
            numbers: vec![auroc()],
        },
        Claim {
            id: "beyond_words",
            claim: "They are told apart better than by words, first words, length or punctuation",
            verdict: verdict(is_told(three_way) && low(&three_way.lead) > 0.0),
            because: "decodable, and the interval of the lead over the best of the four baselines above 0".into(),
            numbers: words,
        },
        Claim {
            id: "beyond_embeddings",
            claim: "The layer tells them apart better than the token embeddings, pooled alike",
            verdict: verdict(is_told(three_way) && low(beyond_embeddings) > 0.0),
            because: "decodable, and the interval of the difference above 0".into(),
            numbers: vec![("difference of AUROCs".to_owned(), beyond_embeddings.clone())],
        },
        Claim {
            id: "within_scenarios",
            claim: "They differ within a scenario, not only between scenarios",
            verdict: verdict(is_told(centred)),
            because: format!("rows less the mean of their scenario: {TOLD}"),
            numbers: vec![("AUROC, centred".to_owned(), centred.auroc.clone())],
        },
        Claim {
            id: "across_topics",
            claim: "A probe holds for topics that it was not trained on",
            verdict: verdict(is_told(&across_topics.told)),
            because: format!("each topic left out in turn: {TOLD}"),
            numbers: vec![
                ("AUROC, other topics".to_owned(), across_topics.told.auroc.clone()),
                ("lost by it".to_owned(), across_topics.lost.clone()),
            ],
        },
        Claim {
            id: "from_the_start",
            claim: "The first quarter of a response tells them apart already",
            verdict: quarters.first().map_or(Verdict::NotTestable, |(_, told)| verdict(is_told(told))),
            because: TOLD.into(),
            numbers: quarters.iter().map(|(pool, told)| (pool.to_string(), told.auroc.clone())).collect(),
        },
    ]
}

fn geometry(validated: &Validated) -> Vec<Claim> {
    let Validated { cosines, d_prime, clusters, agreement, .. } = validated;
    let mean = &cosines.one_vs_rest.mean;
    let floor = cosines.floor;
    let agree = |kappas: &[super::checks::Kappa]| {
        let number = |k: &super::checks::Kappa| (format!("kappa, {} and {}", k.of[0], k.of[1]), k.kappa.clone());
        kappas.iter().map(number).collect::<Vec<_>>()
    };
    let raw = clusters.iter().find(|c| c.k == 3 && c.rows == RowsAs::Raw);
    let of_clusters = |c: &super::checks::Clustering| {
        let found = p(&c.classes.adjusted_rand) <= LEVEL && c.classes.adjusted_rand.value() >= ALIKE;
        let others = [Some(&c.scenarios), c.topics.as_ref()].into_iter().flatten();
        found && others.into_iter().all(|other| other.adjusted_rand.value() < c.classes.adjusted_rand.value())
    };
    vec![
        Claim {
            id: "cosines_structured",
            claim: "The cosines of one-vs-rest probes differ from those of shuffled labels",
            verdict: verdict(p(mean) <= LEVEL),
            because: format!("p of the mean cosine, two-sided, at most 0.05; no three vectors have a mean below {floor:.2}"),
            numbers: vec![("mean cosine".to_owned(), mean.clone())],
        },
        Claim {
            id: "cosines_opposed",
            claim: "Cosines near the floor show that the kinds are opposed or separate",
            verdict: Verdict::NotTestable,
            because: format!(
                "shuffled labels give {:.3}: probes of classes that exclude each other lie at {floor:.2} by themselves, and \
                 structure raises the mean",
                cosines.one_vs_rest.null.mean
            ),
            numbers: vec![("mean cosine".to_owned(), mean.clone())],
        },
        Claim {
            id: "d_prime",
            claim: "Every two kinds lie apart along the difference of their means",
            verdict: verdict(d_prime.pairs.iter().all(|pair| low(&pair.held_out) > pair.held_out_null.high.max(0.0))),
            because: "d' of rows held out: its interval above 0 and above 97.5 % of shuffled labels', for every pair".into(),
            numbers: d_prime
                .pairs
                .iter()
                .map(|pair| (format!("d', {} / {}", pair.classes[0], pair.classes[1]), pair.held_out.clone()))
                .collect(),
        },
        Claim {
            id: "clusters",
            claim: "Clusters found without labels are the three kinds",
            verdict: raw.map_or(Verdict::NotTestable, |c| verdict(of_clusters(c))),
            because: "k-means, k = 3, of the rows as they are: the adjusted Rand index with the kinds is at least 0.5, with p at \
                      most 0.05, and greater than that with scenarios and with topics"
                .into(),
            numbers: raw.map_or_else(Vec::new, |c| {
                let of = |what: &str, like: &super::checks::Likeness| {
                    (format!("adjusted Rand index, {what}"), like.adjusted_rand.clone())
                };
                let topics = c.topics.as_ref().map(|topics| of("topics", topics));
                [of("kinds", &c.classes), of("scenarios", &c.scenarios)].into_iter().chain(topics).collect()
            }),
        },
        Claim {
            id: "probes_agree",
            claim: "Kinds of probes that agree with each other show a true structure",
            verdict: Verdict::NotTestable,
            because: format!(
                "probes of one and the same shuffled labels agree too (kappa {:.2} on average)",
                mean_of(agreement.pairs.iter().map(|kappa| kappa.shuffled.mean))
            ),
            numbers: agree(&agreement.pairs),
        },
    ]
}

fn mean_of(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

fn explanations(validated: &Validated) -> Vec<Claim> {
    let Validated { length, formality, non_empathy, stripped, emotion, .. } = validated;
    let removed = |r: &super::checks::Removal| (format!("AUROC without it, by {}", r.by), r.told.auroc.clone());
    let specific = |of: &super::checks::Contrast| {
        vec![
            ("AUROC of the control".to_owned(), of.told.auroc.clone()),
            ("difference".to_owned(), of.difference.clone()),
        ]
    };
    let given = emotion.best_baseline().map_or(0.0, |(_, baseline)| baseline.value());
    vec![
        Claim {
            id: "not_length",
            claim: "Length does not explain it",
            verdict: verdict(
                is_told(&length.residualised) && low(&length.residualised.auroc) > length.alone.auroc.value(),
            ),
            because: format!("rows without length: {TOLD}, the interval above what length gives alone"),
            numbers: vec![
                ("AUROC without length".to_owned(), length.residualised.auroc.clone()),
                ("AUROC by length alone".to_owned(), length.alone.auroc.clone()),
            ],
        },
        Claim {
            id: "not_formality",
            claim: "Formality does not explain it",
            verdict: if is_told(&formality.concept) {
                verdict(formality.removals.iter().all(|removal| is_told(&removal.told)))
            } else {
                Verdict::NotTestable
            },
            because: format!("formality is decodable; after every way of removing it: {TOLD}"),
            numbers: std::iter::once(("AUROC of formality".to_owned(), formality.concept.auroc.clone()))
                .chain(formality.removals.iter().map(removed))
                .collect(),
        },
        Claim {
            id: "more_than_styles",
            claim: "Kinds of empathy are told apart better than three styles that are none",
            verdict: verdict(low(&non_empathy.difference) > 0.0),
            because: "the interval of the difference of AUROCs above 0".into(),
            numbers: specific(non_empathy),
        },
        Claim {
            id: "more_than_neutral",
            claim: "Kinds of empathy are told apart better than three kinds of neutral reply to the same scenarios",
            verdict: verdict(low(&stripped.difference) > 0.0),
            because: "the interval of the difference of AUROCs above 0".into(),
            numbers: specific(stripped),
        },
        Claim {
            id: "empathy_from_emotion",
            claim: "Empathic replies are told from replies to moving but impersonal scenes by more than words",
            verdict: if given > SATURATED { Verdict::NotTestable } else { verdict(low(&emotion.lead) > 0.0) },
            because: format!(
                "the best baseline at most {SATURATED} (it has {given:.3}), and the interval of the lead over it above 0"
            ),
            numbers: vec![
                ("AUROC".to_owned(), emotion.auroc.clone()),
                ("lead over the best baseline".to_owned(), emotion.lead.clone()),
            ],
        },
    ]
}

fn layers(probed: &Probed, validated: &Validated) -> Vec<Claim> {
    let of = |sweeps: &[super::Sweep]| sweeps.iter().find(|sweep| sweep.pool == Pool::Response).cloned();
    let (three, formal) = (of(&probed.three_way), of(&probed.formality));
    let later = probed.later_than_formality.iter().find(|(pool, _)| *pool == Pool::Response);
    let both = is_told(&validated.three_way) && formal.as_ref().is_some_and(|sweep| is_told(&sweep.best));
    let mut numbers: Vec<(String, Estimate)> = Vec::new();
    for (what, sweep) in [("kinds of empathy", three), ("formality", formal)] {
        let layer = sweep.and_then(|sweep| sweep.emergence);
        numbers.extend(layer.map(|layer| (format!("layer at which {what} arise"), layer)));
    }
    numbers.extend(later.map(|(_, later)| ("difference".to_owned(), later.clone())));
    vec![Claim {
        id: "later_than_formality",
        claim: "Kinds of empathy arise in later layers than formality",
        verdict: match later {
            Some((_, later)) if both => verdict(low(later) > 0.0),
            _ => Verdict::NotTestable,
        },
        because:
            "both are decodable, and the interval of the difference of layers above 0, by the mean over the response"
                .into(),
        numbers,
    }]
}

fn beyond() -> Vec<Claim> {
    let claim = |id, claim, because: &str| Claim {
        id,
        claim,
        verdict: Verdict::NotTestable,
        because: because.into(),
        numbers: Vec::new(),
    };
    vec![
        claim(
            "causal",
            "The directions cause the kind of reply",
            "nothing was written along them here: adding a direction to activations and asking the probe that it came from again \
             is arithmetic",
        ),
        claim("features", "Features of a sparse autoencoder are the three kinds", "no autoencoder was trained here"),
    ]
}
