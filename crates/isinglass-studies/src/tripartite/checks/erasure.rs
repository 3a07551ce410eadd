//! Whether the classes outlast another concept, and that concept the classes.

use isinglass_probe::{
    Baselines, CrossFitted, Erased, Eraser, Erasure, Features, Inlp, Labels, Leace, Linear, LinearProbe, out_of_fold,
};
use isinglass_stats::{Estimate, PermutationNull, Resample, StatsError, cosine};
use serde::{Deserialize, Serialize};

use super::{Null, folds, logistic};
use crate::StudyError;
use crate::tripartite::told::{difference, of_rows, told};
use crate::tripartite::{Config, Pool, Sample, Told};

/// What is left of the classes without another concept, such as formality, and what of the concept without the classes.
///
/// The concept is learned from texts of its own, so no map that takes it out has seen a label of the sample. It is taken out in
/// three ways, each stronger than the one before: one direction, that of a probe; all that is linear in the concept's own
/// texts (LEACE); and the directions of five probes, one after the other.
///
/// An AUROC that stays after one direction of thousands was removed shows very little, and one that was near 1 could hardly
/// fall: nearly every direction can be removed without harm, for which `at_random` stands beside it. That it stays after all
/// three shows that classes can be told by something that these texts do not vary in; it does **not** show that empathy and the
/// concept are independent, nor that the model keeps them apart. Whether a map took the concept out of texts that it was not
/// fitted to says [`Removal::concept_left`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erasures {
    /// The concept's own classes, told apart in its own texts: there must be something to take out.
    pub concept: Told,
    /// The classes of the sample, before.
    pub before: Told,
    /// The same after each way to take the concept out; each p counts for all of them and for `before`.
    pub removals: Vec<Removal>,
    /// What a direction takes that is found in the same way and means nothing.
    pub at_random: RemovedAtRandom,
    /// The other way round.
    pub leakage: Leakage,
    /// How much the concept's direction points to each class.
    pub cosines: Vec<TowardsClass>,
}

/// One way to take the concept out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// The way.
    pub by: String,
    /// How many dimensions it took; 0 if it found nothing to take.
    pub rank: usize,
    /// AUROC of the concept in its own texts when it is so taken out, out of fold; 0.5 or less if nothing linear is left.
    pub concept_left: Estimate,
    /// The classes, after.
    pub told: Told,
    /// The AUROC after less that before, with an interval over scenarios.
    pub change: Estimate,
}

/// What is left of the classes after directions were taken out that probes of the concept's **shuffled** labels have, each by
/// itself.
///
/// They are found in the same way from the same texts and so are of the same make as the concept's direction; one drawn evenly
/// from all directions would take next to nothing out of rows that vary along few.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemovedAtRandom {
    /// How many directions.
    pub n: usize,
    /// The mean AUROC of the classes after each.
    pub auroc: Estimate,
    /// The AUROC after the concept's direction was taken out less that mean, with an interval over scenarios.
    pub beyond: Estimate,
}

/// What is left of the concept without what tells the classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leakage {
    /// How many dimensions the probes of the classes have.
    pub rank: usize,
    /// The concept in its own texts without them.
    pub told: Told,
    /// The AUROC after less that before, with an interval over the concept's groups.
    pub change: Estimate,
}

/// How much the direction of the concept points to a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TowardsClass {
    /// The class; of two classes the second, away from the first.
    pub class: String,
    /// The cosine, with a two-sided p against directions of the concept's shuffled labels.
    pub cosine: Estimate,
    /// The cosine of those directions.
    pub null: Null,
}

/// How many directions of shuffled labels are taken out.
const AT_RANDOM: usize = 20;

/// How many probes are removed one after the other.
const ROUNDS: usize = 5;

/// What is left of the classes without a concept of two classes, such as formal and casual, and of the concept without them.
///
/// # Errors
/// [`StudyError::Stats`] if the concept has more than two classes, [`StudyError::Fit`] if a probe cannot be cross-validated on
/// either sample, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn erasure(
    sample: &Sample,
    concept: &Sample,
    pool: Pool,
    layer: usize,
    config: &Config,
) -> Result<Erasures, StudyError> {
    let [one, two] = [Rows::of(sample, pool, layer)?, Rows::of(concept, pool, layer)?];
    if two.labels.n_classes() != 2 {
        let value = two.labels.n_classes() as f64;
        return Err(StatsError::OutOfRange { what: "classes of the concept", value, range: "2" }.into());
    }
    let direction = Inlp::new(1, 1.0);
    let several = Inlp::new(ROUNDS, 1.0);
    let ways: [(String, &dyn Eraser); 3] = [
        ("the direction of a logistic probe".to_owned(), &direction),
        (Leace.name(), &Leace),
        (several.name(), &several),
    ];
    let erasures: Vec<Erasure> =
        ways.iter().map(|(_, way)| way.fit(two.features, &two.labels)).collect::<Result<_, _>>()?;
    let mut rows = vec![one.features.clone()];
    for erasure in &erasures {
        rows.push(erasure.apply(one.features)?);
    }
    let found = one.cross_fit(&rows, config)?;
    let change = |i: usize, name: &str| {
        difference(&found.probes[i].scores, &found.probes[0].scores, &one.labels, &one.labels, name, config)
    };
    let removal = |i: usize| -> Result<Removal, StudyError> {
        let (by, way) = &ways[i];
        let what = format!("classes without {} by {by}", concept.name);
        Ok(Removal {
            by: by.clone(),
            rank: erasures[i].rank(),
            concept_left: two.left(*way, config)?,
            told: told(&what, &found, i + 1, &one.labels, config)?,
            change: change(i + 1, "change of the AUROC, out of fold")?,
        })
    };

    // The classes' directions out of the concept's rows.
    let classes = Inlp::new(1, 1.0).fit(one.features, &one.labels)?;
    let of_concept = two.cross_fit(&[two.features.clone(), classes.apply(two.features)?], config)?;
    let [before, after] = [0, 1].map(|i| &of_concept.probes[i].scores);
    let name = "change of the concept's AUROC, out of fold";
    let leakage = Leakage {
        rank: classes.rank(),
        told: told(&format!("{} without the classes", concept.name), &of_concept, 1, &two.labels, config)?,
        change: difference(after, before, &two.labels, &two.labels, name, config)?,
    };

    let probe = logistic();
    let shuffled = probe.fit_null(two.features, &two.labels, config.permutations.max(AT_RANDOM), config.seed)?;
    let shuffled: Vec<Linear> = shuffled.into_iter().map(|(_, linear)| linear).collect();
    Ok(Erasures {
        concept: told(&concept.name, &of_concept, 0, &two.labels, config)?,
        before: told("classes", &found, 0, &one.labels, config)?,
        removals: (0..ways.len()).map(removal).collect::<Result<_, _>>()?,
        at_random: at_random(&one, &shuffled[..AT_RANDOM], &found.probes[1].scores, config)?,
        leakage,
        cosines: cosines(&one, &probe.fit(two.features, &two.labels)?, &shuffled, &two.labels)?,
    })
}

/// Rows of one layer with their labels and texts.
struct Rows<'a> {
    features: &'a Features,
    labels: Labels,
    texts: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    fn of(sample: &'a Sample, pool: Pool, layer: usize) -> Result<Self, StudyError> {
        Ok(Self { features: sample.layer(pool, layer)?, labels: sample.labels()?, texts: sample.texts() })
    }

    fn cross_fit(&self, rows: &[Features], config: &Config) -> Result<CrossFitted, StudyError> {
        Ok(config.cross_fit(&logistic()).run(rows, &self.labels, &Baselines::of(&self.texts))?)
    }

    /// The AUROC of the labels when a map that is fitted to them inside the folds takes them out.
    fn left(&self, eraser: &dyn Eraser, config: &Config) -> Result<Estimate, StudyError> {
        let probe = logistic();
        let erased = Erased::new(&probe, eraser, &self.labels);
        let none = Baselines::left_out("they stand beside the rows as they are");
        let found = config.cross_fit(&erased).run(std::slice::from_ref(self.features), &self.labels, &none)?;
        Ok(found.probes[0].auroc.clone())
    }
}

/// What is left after each of some directions, beside what is left after that of the concept.
fn at_random(
    of: &Rows<'_>,
    directions: &[Linear],
    without_concept: &[f64],
    config: &Config,
) -> Result<RemovedAtRandom, StudyError> {
    let folds = folds(&of.labels, config)?;
    let left = |direction: &Linear| {
        let rows = Erasure::project_out(&direction.weights[0])?.apply(of.features)?;
        out_of_fold(&logistic(), &rows, &of.labels, &folds)
    };
    let scores: Vec<Vec<f64>> = directions.iter().map(left).collect::<Result<_, _>>()?;
    let n = scores.len();
    let mean = |rows: &[usize]| -> Option<f64> {
        let aurocs = scores.iter().map(|scores| of_rows(scores, &of.labels, rows));
        Some(aurocs.sum::<Option<f64>>()? / n as f64)
    };
    let beyond = |rows: &[usize]| Some(of_rows(without_concept, &of.labels, rows)? - mean(rows)?);
    let (bootstrap, units) = (config.bootstrap(), Resample::Groups(of.labels.groups()));
    let name = format!("mean AUROC without each of {n} directions of shuffled labels, out of fold");
    Ok(RemovedAtRandom {
        n,
        auroc: bootstrap.estimate(units, &name, mean)?,
        beyond: bootstrap.estimate(units, "AUROC above that without a direction of shuffled labels", beyond)?,
    })
}

/// Cosines of the concept's direction, and of those of shuffled labels, with those of the classes.
fn cosines(
    of: &Rows<'_>,
    concept: &Linear,
    shuffled: &[Linear],
    labels: &Labels,
) -> Result<Vec<TowardsClass>, StudyError> {
    let classes = logistic().fit(of.features, &of.labels)?.weights;
    let names = if classes.len() == 1 { &of.labels.names()[1..] } else { of.labels.names() };
    let towards = |(class, name): (&Vec<f64>, &String)| -> Result<TowardsClass, StudyError> {
        let cosine = |linear: &Linear| cosine(&linear.weights[0], class);
        let values = shuffled.iter().map(|linear| Ok(cosine(linear)?.value()));
        let null = PermutationNull::from_values(values.collect::<Result<_, StatsError>>()?, labels.null())?;
        let cosine = cosine(concept)?.with_permutation_two_sided(&null);
        Ok(TowardsClass { class: name.clone(), cosine, null: Null::of(&null)? })
    };
    classes.iter().zip(names).map(towards).collect()
}
