//! What tests of reports share.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses some of it; the helpers of a test fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use isinglass_report::{
    BarPlot, DataSource, HeatMap, LinePlot, NullBand, Origin, Provenance, Report, RocPlot, ScatterPlot, Table,
};
use isinglass_stats::{Bootstrap, Correction, Estimate, PermutationNull, adjust, auroc_grouped};

pub(crate) fn provenance(origin: Origin) -> Provenance {
    Provenance::new("toy", "00ff", origin)
        .data(DataSource { name: "pairs.jsonl".into(), sha256: "c0de".into(), licence: "CC0-1.0".into() })
        .seed(7)
        .device("flex")
        .version("isinglass", "0.1.0")
        .setting("layers", 2)
}

const LABELS: [bool; 8] = [true, false, true, false, true, false, true, false];
const PAIRS: [u64; 8] = [1, 1, 2, 2, 3, 3, 4, 4];

fn estimate(scores: [f64; 8]) -> Estimate {
    auroc_grouped(&scores, &LABELS, &PAIRS, Bootstrap::resamples(40)).unwrap()
}

/// 13 of 16 pairs in order.
pub(crate) fn mixed() -> Estimate {
    estimate([0.9, 0.2, 0.8, 0.4, 0.3, 0.5, 0.7, 0.35]).qualified("out of fold")
}

/// Without an interval.
pub(crate) fn separated() -> Estimate {
    estimate([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
}

pub(crate) fn null() -> PermutationNull {
    PermutationNull::from_values(vec![0.25, 0.5, 0.75], "label flips within pairs").unwrap()
}

/// With p-values of 1/4 each, 1/2 by Holm.
pub(crate) fn adjusted() -> [Estimate; 2] {
    let mut family = [mixed().with_permutation(&null()), separated().with_permutation(&null())];
    adjust(&mut family, Correction::Holm).unwrap();
    family
}

pub(crate) fn lines() -> LinePlot {
    LinePlot::new("by_layer", "AUROC <by> layer")
        .x_label("layer")
        .y_label("AUROC")
        .reference(0.5, "chance")
        .null_band(NullBand::central("all label flips", 1.0, [(0.0, &null()), (1.0, &null())]).unwrap())
        .series("probe", [(1.0, mixed()), (0.0, mixed())])
}

pub(crate) fn heat() -> HeatMap {
    HeatMap::new("lens", "What <each> layer says")
        .x_label("token read")
        .y_label("layer")
        .range("probability", 0.0, 1.0)
        .columns(["<|im_start|>", "·a\u{7}"])
        .row("first", [(0.0, "·<b>"), (1.0, "an endless token")])
        .row("second", [(0.25, "x&y"), (7.0, "↵")])
}

pub(crate) fn bars() -> BarPlot {
    BarPlot::new("by_tone", "AUROC by tone")
        .x_label("tone")
        .y_label("AUROC")
        .y_range(0.0, 1.0)
        .reference(0.5, "chance")
        .series("probe", [("polite", mixed()), ("blunt", separated())])
        .series("words", [("blunt", mixed())])
}

pub(crate) fn scatter() -> ScatterPlot {
    ScatterPlot::new("projections", "Texts along the direction")
        .x_label("projection")
        .y_label("tokens")
        .class("went well", [(1.5, 14.0), (0.5, 11.0)])
        .points([(-0.5, 12.0)])
}

pub(crate) fn roc() -> RocPlot {
    RocPlot::new("roc", "Finding what went well").curve("probe", &[0.0, 0.0, 1.0], &[0.0, 0.75, 1.0], &mixed())
}

/// A table of words and a verdict.
pub(crate) fn verdicts() -> Table {
    Table::new("Verdicts", ["claim", "layer", "AUROC", "verdict"]).row([
        "one direction".into(),
        1.into(),
        (&adjusted()[0]).into(),
        "not shown".into(),
    ])
}

/// Every kind of section.
pub(crate) fn every_kind(origin: Origin) -> Report {
    let [first, second] = adjusted();
    Report::new("study", "A study of *pairs*", provenance(origin))
        .estimate("layer 0", &first)
        .estimate("layer 1", &second)
        .estimate("bare", &separated())
        .table(verdicts())
        .lines(lines())
        .lines(LinePlot::new("growth", "").log_axes().y_range(0.1, 2.0).series("s", [(64.0, mixed())]))
        .bars(bars().reference(0.75, "limit"))
        .scatter(scatter())
        .roc(roc())
        .heat(heat())
        .samples("Steered", [("dose 8", "```\nnot *markup*")])
        .note("Read it *with care*.")
        .include(&Provenance::new("earlier", "beef", origin))
        .unwrap()
}

/// Writes into a fresh folder and gives the files' contents by name.
pub(crate) fn written(report: &Report) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    report.write(dir.path()).unwrap();
    contents(dir.path())
}

pub(crate) fn contents(dir: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())).collect()
}

/// The pictures among the files, by name.
pub(crate) fn pictures(files: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let files = files.iter().map(|(name, content)| (name.as_str(), content.as_str()));
    files.filter(|(_, content)| content.starts_with("<svg ")).collect()
}
