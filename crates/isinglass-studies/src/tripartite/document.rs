//! What the phases found, as reports.

use isinglass_report::{BarPlot, Cell, LinePlot, Provenance, Report, ReportError, Table};
use isinglass_stats::Estimate;

use super::checks::{Clustering, Likeness, RowsAs};
use super::{Claim, Pool, Probed, Sweep, Told, Validated};

const LAYERS: &str = "layer (0: embeddings)";

/// The second phase: tables and curves over layers.
pub fn probe_report(provenance: Provenance, probed: &Probed) -> Report {
    let report = Report::new("probe", "Three kinds of empathy, layer by layer", provenance);
    let mut table = Table::new(
        "The middle layer, chosen before anything was seen, and the best, which is flattered by the choice",
        [
            "question",
            "pooled by",
            "AUROC, middle",
            "layer",
            "AUROC, best",
            "words and the like",
            "lead of the middle",
            "arises at",
        ],
    );
    for sweep in all(probed) {
        let baseline = sweep.middle.best_baseline();
        table = table.row([
            sweep.what.as_str().into(),
            sweep.pool.to_string().into(),
            Cell::from(&sweep.middle.auroc),
            sweep.best_layer.into(),
            Cell::from(&sweep.best.auroc),
            baseline.map_or_else(|| Cell::from("none"), |(name, b)| format!("{name}: {b}").into()),
            Cell::from(&sweep.middle.lead),
            sweep.emergence.as_ref().map_or_else(|| Cell::from("nowhere"), Cell::from),
        ]);
    }
    let later = probed.later_than_formality.iter().fold(report.table(table), |report, (pool, later)| {
        report.estimate(format!("layers by which kinds of empathy arise after formality, {pool}"), later)
    });
    super::SWEPT
        .into_iter()
        .fold(later, |report, pool| report.lines(curves(probed, pool)))
        .note(words_note(probed.three_way.iter().map(|sweep| &sweep.middle)))
        .note(SWEEP_NOTE)
}

const SWEEP_NOTE: &str = "Every AUROC is out of fold, scenarios whole; intervals are bootstrapped over scenarios. The p of the \
    best layer counts for all layers (greatest AUROC of each shuffle); in the JSON each layer has its own, corrected by \
    Benjamini and Hochberg over layers, pairs and pools.\nThe last token of most responses is the same full stop, so at the \
    embeddings nothing can be known by it, and that something is known a layer later shows that attention mixes, not that a \
    concept arises.\nA layer at which classes arise is the first with 90 % of the greatest lead over chance.";

fn all(probed: &Probed) -> impl Iterator<Item = &Sweep> {
    probed.three_way.iter().chain(&probed.pairs).chain(&probed.formality)
}

fn curves(probed: &Probed, pool: Pool) -> LinePlot {
    let name = if pool == Pool::Last { "last" } else { "response" };
    let plot = LinePlot::new(name, format!("Held-out AUROC, {pool}"))
        .x_label(LAYERS)
        .y_label("AUROC")
        .y_range(0.0, 1.0)
        .reference(0.5, "chance");
    all(probed).filter(|sweep| sweep.pool == pool).fold(plot, |plot, sweep| {
        let points = sweep.layers.iter().enumerate().map(|(layer, found)| (layer as f64, found.auroc.clone()));
        plot.series(&sweep.what, points)
    })
}

/// Says plainly where the words alone do as well.
fn words_note<'t>(told: impl Iterator<Item = &'t Told>) -> String {
    let line = |told: &Told| {
        let Some((name, baseline)) = told.best_baseline() else { return format!("{}: no baseline.", told.what) };
        let matched = told.lead.interval().is_none_or(|interval| interval.low() <= 0.0);
        let verdict = if matched {
            "**a lexical baseline matches the probe**: nothing here shows more than the words do"
        } else {
            "the probe is ahead of the best baseline"
        };
        let (what, auroc, lead) = (&told.what, told.auroc.value(), &told.lead);
        format!("{what}: probe {auroc:.3}, {name} {:.3}, lead {lead}: {verdict}.", baseline.value())
    };
    told.map(line).collect::<Vec<_>>().join("\n")
}

/// The third phase: the verdicts, and what they rest on.
pub fn validation_report(provenance: Provenance, validated: &Validated, claims: &[Claim]) -> Report {
    let v = validated;
    let title = "Three kinds of empathy: what may be claimed";
    let mut verdicts = Table::new("Verdicts", ["claim", "verdict", "rule", "numbers"]);
    for claim in claims {
        let numbers: Vec<String> = claim.numbers.iter().map(|(name, number)| format!("{name}: {number}")).collect();
        verdicts = verdicts.row([
            claim.claim.into(),
            claim.verdict.to_string().into(),
            claim.because.as_str().into(),
            if numbers.is_empty() { Cell::from("none") } else { numbers.join("; ").into() },
        ]);
    }
    Report::new("validate", title, provenance)
        .table(verdicts)
        .note(words_note([&v.three_way, &v.non_empathy.told, &v.stripped.told, &v.emotion].into_iter()))
        .table(answers(v))
        .bars(bars(v))
        .table(cosines(v))
        .table(d_primes(v))
        .table(removals(v))
        .table(clusterings(v))
        .table(agreements(v))
        .table(topics(v))
        .note(VALIDATION_NOTE)
}

const VALIDATION_NOTE: &str = "All figures are of the mean over the response at one layer, the middle one, chosen before anything \
    was seen. A claim that is not supported may be true; the numbers do not bear it out.\nThe data were written and revised \
    so that words give little away, partly against a classifier like the baselines (see their datasheets): a lead over these \
    baselines is flattered, and one that is not there counts double.\nIntervals speak of other scenarios by the same writer.";

/// Each question with its answer and what the words give.
fn questions(v: &Validated) -> Vec<(String, &Told)> {
    let mut all = vec![
        ("three kinds".to_owned(), &v.three_way),
        ("centred within scenarios".to_owned(), &v.centred),
        ("topics left out".to_owned(), &v.across_topics.told),
        ("without length".to_owned(), &v.length.residualised),
    ];
    all.extend(v.length.matched.iter().map(|matched| ("of about one length".to_owned(), &matched.told)));
    all.extend(v.quarters.iter().map(|(pool, told)| (pool.to_string(), told)));
    all.push(("styles that are no empathy".to_owned(), &v.non_empathy.told));
    all.push(("replies without feeling".to_owned(), &v.stripped.told));
    all.push(("empathy or impersonal".to_owned(), &v.emotion));
    all.push(("formality".to_owned(), &v.formality.concept));
    all
}

fn answers(v: &Validated) -> Table {
    let columns = ["question", "AUROC", "accuracy", "shuffled", "best of the words", "lead"];
    questions(v).into_iter().fold(Table::new("Questions", columns), |table, (what, told)| {
        let baseline = told.best_baseline().map_or_else(|| "none".to_owned(), |(name, b)| format!("{name}: {b}"));
        table.row([
            what.into(),
            Cell::from(&told.auroc),
            Cell::from(&told.accuracy),
            format!("{:.3}", told.null).into(),
            baseline.into(),
            Cell::from(&told.lead),
        ])
    })
}

fn bars(v: &Validated) -> BarPlot {
    let questions = questions(v);
    let probe = questions.iter().map(|(what, told)| (what.clone(), told.auroc.clone()));
    let words = questions.iter().filter_map(|(what, told)| Some((what.clone(), told.best_baseline()?.1.clone())));
    BarPlot::new("questions", "The probe and the best of words, first words, length and punctuation")
        .y_label("AUROC, out of fold")
        .y_range(0.0, 1.0)
        .reference(0.5, "chance")
        .series("activations", probe)
        .series("texts alone", words)
}

fn cosines(v: &Validated) -> Table {
    let heading = format!(
        "Cosines between weights of probes: for three classes their mean cannot be below {:.2}, where shuffled labels lie",
        v.cosines.floor
    );
    let mut table = Table::new(heading, ["probe", "of", "cosine", "shuffled labels"]);
    for weights in [&v.cosines.one_vs_rest, &v.cosines.softmax] {
        let null = |null: &super::checks::Null| Cell::from(format!("{:.3} ± {:.3}", null.mean, null.sd));
        for pair in &weights.pairs {
            let of = pair.classes.join(" / ");
            table = table.row([weights.probe.as_str().into(), of.into(), Cell::from(&pair.cosine), null(&pair.null)]);
        }
        table =
            table.row([weights.probe.as_str().into(), "mean".into(), Cell::from(&weights.mean), null(&weights.null)]);
    }
    table
}

fn d_primes(v: &Validated) -> Table {
    let heading =
        "d' along the difference of means: held out, and, to show how it flatters, on the rows it was fitted to";
    let columns = ["classes", "held out", "shuffled labels", "in sample", "shuffled labels"];
    v.d_prime.pairs.iter().fold(Table::new(heading, columns), |table, pair| {
        table.row([
            pair.classes.join(" / ").into(),
            Cell::from(&pair.held_out),
            format!("{:.2} ± {:.2}", pair.held_out_null.mean, pair.held_out_null.sd).into(),
            Cell::from(&pair.in_sample),
            format!("{:.2} ± {:.2}", pair.in_sample_null.mean, pair.in_sample_null.sd).into(),
        ])
    })
}

fn removals(v: &Validated) -> Table {
    let columns = ["formality removed by", "dimensions", "formality left", "AUROC of the kinds", "change"];
    let table = Table::new("Without formality", columns);
    let table = v.formality.removals.iter().fold(table, |table, removal| {
        table.row([
            removal.by.as_str().into(),
            removal.rank.into(),
            Cell::from(&removal.concept_left),
            Cell::from(&removal.told.auroc),
            Cell::from(&removal.change),
        ])
    });
    let leakage = &v.formality.leakage;
    table.row([
        "the other way round: formality without the kinds".into(),
        leakage.rank.into(),
        Cell::from(&leakage.told.auroc),
        "".into(),
        Cell::from(&leakage.change),
    ])
}

fn clusterings(v: &Validated) -> Table {
    let columns =
        ["k", "rows", "adjusted Rand, kinds", "topics", "scenarios", "purity of kinds", "silhouette of kinds"];
    let of = |like: &Likeness| Cell::from(&like.adjusted_rand);
    v.clusters.iter().fold(Table::new("Clusters by k-means", columns), |table, c: &Clustering| {
        let rows = if c.rows == RowsAs::Raw { "as they are" } else { "less the mean of their scenario" };
        table.row([
            c.k.into(),
            rows.into(),
            of(&c.classes),
            c.topics.as_ref().map_or_else(|| "".into(), of),
            of(&c.scenarios),
            Cell::from(&c.classes.purity),
            Cell::from(&c.silhouette),
        ])
    })
}

fn agreements(v: &Validated) -> Table {
    let columns = ["one", "other", "kappa", "both trained on the same shuffled labels"];
    let kappas = v.agreement.pairs.iter().chain(&v.agreement.with_truth);
    kappas.fold(Table::new("Agreement of probes, out of fold", columns), |table, kappa| {
        let [one, other] = &kappa.of;
        let shuffled = format!("{:.2} ± {:.2}", kappa.shuffled.mean, kappa.shuffled.sd);
        table.row([one.as_str().into(), other.as_str().into(), Cell::from(&kappa.kappa), shuffled.into()])
    })
}

fn topics(v: &Validated) -> Table {
    let columns = ["topic left out", "scenarios", "AUROC", "words (TF-IDF)"];
    let cell = |estimate: &Option<Estimate>| estimate.as_ref().map_or_else(|| Cell::from("none"), Cell::from);
    v.across_topics.topics.iter().fold(Table::new("Topics that no probe was trained on", columns), |table, topic| {
        table.row([topic.name.as_str().into(), topic.n_scenarios.into(), cell(&topic.auroc), cell(&topic.words)])
    })
}

/// Several models in one table and one figure: provenance, what was found and the verdicts of each.
///
/// # Errors
/// [`ReportError`] if measured and synthetic results would be mixed, or there is no model.
pub fn compared(title: &str, models: &[(Provenance, Probed, Validated, Vec<Claim>)]) -> Result<Report, ReportError> {
    let Some((first, ..)) = models.first() else {
        let provenance = Provenance::new("none", "none", isinglass_report::Origin::Synthetic);
        return Ok(Report::new("tripartite", title, provenance).note("No model was given."));
    };
    let mut report = Report::new("tripartite", title, first.clone());
    for (provenance, ..) in &models[1..] {
        report = report.include(provenance)?;
    }
    let names: Vec<&str> = models.iter().map(|(provenance, ..)| provenance.model()).collect();
    let mut verdicts = Table::new("Verdicts", std::iter::once("claim").chain(names.iter().copied()));
    for (row, claim) in models[0].3.iter().enumerate() {
        let of = |(.., claims): &(Provenance, Probed, Validated, Vec<Claim>)| {
            claims.get(row).map_or_else(|| Cell::from(""), |claim| claim.verdict.to_string().into())
        };
        verdicts = verdicts.row(std::iter::once(Cell::from(claim.claim)).chain(models.iter().map(of)));
    }
    let columns = ["model", "site", "AUROC", "accuracy", "best of the words", "lead", "beyond the embeddings"];
    let mut found = Table::new("All three kinds, the middle layer, mean over the response", columns);
    let mut plot = LinePlot::new("models", "Held-out AUROC of all three kinds, mean over the response")
        .x_label("depth: layer over number of layers (0: embeddings)")
        .y_label("AUROC")
        .y_range(0.0, 1.0)
        .reference(0.5, "chance");
    for (provenance, probed, v, _) in models {
        let told = &v.three_way;
        let words = told.best_baseline().map_or_else(|| "none".to_owned(), |(name, b)| format!("{name}: {b}"));
        found = found.row([
            provenance.model().into(),
            v.site.as_str().into(),
            Cell::from(&told.auroc),
            Cell::from(&told.accuracy),
            words.into(),
            Cell::from(&told.lead),
            Cell::from(&v.beyond_embeddings),
        ]);
        let sweeps = [(&probed.three_way, ""), (&probed.formality, ", formality")];
        for (sweeps, what) in sweeps {
            for sweep in sweeps.iter().filter(|sweep| sweep.pool == Pool::Response) {
                let last = (sweep.layers.len() - 1).max(1) as f64;
                let depth = |(layer, found): (usize, &super::LayerFound)| (layer as f64 / last, found.auroc.clone());
                plot = plot.series(format!("{}{what}", provenance.model()), sweep.layers.iter().enumerate().map(depth));
            }
        }
    }
    let note = |(provenance, _, v, _): &(Provenance, Probed, Validated, Vec<Claim>)| {
        format!("{}, {}", provenance.model(), words_note(std::iter::once(&v.three_way)))
    };
    let note = models.iter().map(note).collect::<Vec<_>>().join("\n");
    Ok(report.table(verdicts).note(note).table(found).lines(plot).note(SWEEP_NOTE).note(VALIDATION_NOTE))
}
