//! What bars, scatter plots and ROC curves draw, say and refuse.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

#[path = "shared/reports.rs"]
mod shared;

use isinglass_report::{BarPlot, LinePlot, Origin, Report, RocPlot, ScatterPlot};
use serde_json::{Value, json};
use shared::{bars, every_kind, mixed, pictures, provenance, roc, scatter, separated, written};

fn report() -> Report {
    Report::new("r", "", provenance(Origin::Measured))
}

/// Numbers of an attribute of every tag, in their order.
fn numbers(svg: &str, tag: &str, attribute: &str) -> Vec<i32> {
    let of = |rest: &str| rest.split_once(&format!(" {attribute}=\""))?.1.split('"').next()?.parse().ok();
    svg.split(&format!("<{tag}")).skip(1).map(|rest| of(rest).unwrap()).collect()
}

/// The words of a picture, in their order.
fn words(svg: &str) -> Vec<&str> {
    svg.split("<text").skip(1).map(|rest| rest.split_once(">\n").unwrap().1.split_once('\n').unwrap().0).collect()
}

#[test]
fn bars_stand_on_zero_and_have_their_whiskers() {
    let svg = &written(&report().bars(bars()))["r.by_tone.svg"];
    let words = words(svg);
    for word in ["polite", "blunt", "probe (n = 8)", "words (n = 8)", "chance", "tone", "AUROC by tone"] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
    // The background, three bars and two keys.
    let [height, y] = ["height", "y"].map(|attribute| numbers(svg, "rect", attribute));
    assert_eq!(height.len(), 6);
    let bars: Vec<(i32, i32)> = y.into_iter().zip(height).skip(1).take(3).collect();
    assert!(bars.iter().all(|(y, height)| y + height == bars[0].0 + bars[0].1), "one floor: {bars:?}");
    // Heights are the values: 13/16, 1 and 13/16, of a range from 0 to 1.
    let share = f64::from(bars[0].1) / f64::from(bars[1].1);
    assert!((share - 0.8125).abs() < 0.005 && bars[2].1 == bars[0].1, "{bars:?}");
    // Two of the estimates have an interval, of an upright line and two caps each.
    let whiskers: Vec<&str> =
        svg.lines().filter(|line| line.contains(r##"stroke="#282828" stroke-width="2""##)).collect();
    assert_eq!(whiskers.len(), 6);
    let ends: Vec<f64> = whiskers[0]
        .split_once("points=\"")
        .unwrap()
        .1
        .split([' ', ','])
        .filter_map(|number| number.parse().ok())
        .map(|pixels: f64| (f64::from(bars[0].0 + bars[0].1) - pixels) / f64::from(bars[1].1))
        .collect();
    let interval = mixed().interval().unwrap().clone();
    assert!((ends[1] - interval.low()).abs() < 0.005 && (ends[3] - interval.high()).abs() < 0.005, "{ends:?}");
}

#[test]
fn every_reference_line_is_drawn() {
    let dashes = |plot: BarPlot| {
        let svg = &written(&report().bars(plot))["r.by_tone.svg"];
        (svg.lines().filter(|line| line.contains("stroke=\"#6E6E6E\"")).count(), words(svg).join(" "))
    };
    let (one, _) = dashes(bars());
    let (two, words) = dashes(bars().reference(0.75, "limit"));
    assert!(one > 10 && two == 2 * one, "{one} {two}");
    assert!(words.contains("chance") && words.contains("limit"), "{words}");
    let json: Value = serde_json::from_str(&written(&report().bars(bars()))["r.json"]).unwrap();
    assert_eq!(json["sections"][0]["reference"]["y"], 0.5);
    assert!(json["sections"][0].get("further_references").is_none());
}

#[test]
fn bars_below_zero_hang_from_it() {
    let below = BarPlot::new("below", "").y_range(-1.0, -0.5).series("s", [("g", mixed())]);
    let files = written(&report().bars(below));
    let ticks: Vec<f64> = words(&files["r.below.svg"]).iter().filter_map(|word| word.parse().ok()).collect();
    assert!(ticks.contains(&0.0) && ticks.contains(&-1.0) && ticks.contains(&1.0), "{ticks:?}");
}

#[test]
fn a_scatter_plot_tells_classes_apart_by_shape_and_claims_nothing() {
    let files = written(&report().scatter(scatter()));
    let svg = &files["r.projections.svg"];
    // Two discs and a triangle, and the keys.
    assert_eq!((svg.matches("<circle").count(), svg.matches("<polygon").count()), (3, 2));
    assert!(words(svg).contains(&"went well (n = 2)") && words(svg).contains(&"n = 1"), "{:?}", words(svg));
    let x = numbers(svg, "circle", "cx");
    assert!(x[0] > x[1], "1.5 lies right of 0.5: {x:?}");
    assert!(files["r.md"].contains("Each point is one reading, not an estimate."));
}

#[test]
fn a_roc_curve_stands_with_its_area() {
    let files = written(&report().roc(roc()));
    let svg = &files["r.roc.svg"];
    let words = words(svg).join(" ");
    for word in ["probe: AUROC 0.812 [0.24, 1.00] (n = 8)", "diagonal: chance", "false-positive rate"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    let line = svg.split("<polyline").find(|rest| rest.contains("#0072B2")).unwrap();
    let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
    let points: Vec<Vec<i32>> =
        points.split_whitespace().map(|at| at.split(',').map(|part| part.parse().unwrap()).collect()).collect();
    let [from, up, to] = &points[..] else { panic!("{points:?}") };
    let side = to[0] - from[0];
    assert!(from[0] == up[0] && (from[1] - to[1] - side).abs() <= 1, "a square: {points:?}");
    assert!((f64::from(from[1] - up[1]) / f64::from(side) - 0.75).abs() < 0.005, "{points:?}");
}

#[test]
fn every_plot_is_in_the_json_with_its_counts() {
    let json: Value = serde_json::from_str(&written(&every_kind(Origin::Measured))["study.json"]).unwrap();
    let section = |kind: &str| json["sections"].as_array().unwrap().iter().find(|s| s["kind"] == kind).unwrap();
    assert_eq!(section("bars")["groups"], json!(["polite", "blunt"]));
    assert_eq!(section("bars")["series"][1]["bars"][0]["group"], "blunt");
    assert_eq!(section("bars")["series"][1]["bars"][0]["y"]["n"], 8);
    assert_eq!(section("lines")["series"][0]["points"][0]["y"]["n"], 8);
    assert_eq!(section("scatter")["classes"][0], json!({"label": "went well", "points": [[1.5, 14.0], [0.5, 11.0]]}));
    assert_eq!(section("scatter")["classes"][1]["label"], Value::Null);
    assert_eq!(section("roc")["curves"][0]["auroc"]["n"], 8);
    assert_eq!(section("roc")["curves"][0]["tpr"], json!([0.0, 0.75, 1.0]));
}

#[test]
fn a_picture_grows_with_what_stands_beside_it() {
    let many = |n: usize| (0..n).fold(LinePlot::new("p", ""), |p, i| p.series(format!("series {i}"), [(0.0, mixed())]));
    let many = written(&report().lines(many(60)));
    let svg = &many["r.p.svg"];
    let height = numbers(svg, "svg", "height")[0];
    let y = numbers(svg, "text", "y");
    assert!(height > 1000 && y.iter().all(|&y| (0..height).contains(&y)), "{height}: {y:?}");
}

#[test]
fn every_plot_has_a_name_for_those_who_do_not_see_it() {
    for (name, svg) in pictures(&written(&every_kind(Origin::Measured))) {
        let (tag, rest) = svg.split_once(">\n").unwrap();
        assert!(tag.starts_with("<svg ") && tag.ends_with(r#" role="img""#), "{name}: {tag}");
        let (title, rest) = rest.strip_prefix("<title>").unwrap().split_once("</title>\n").unwrap();
        assert!(!title.is_empty() && !title.contains('<'), "{name}: {title}");
        assert!(rest.starts_with("<desc>measured · toy · weights 00ff · seed 7</desc>\n"), "{name}");
    }
}

#[test]
fn characters_that_xml_forbids_are_left_out() {
    let hostile = "a\u{0}\u{1b}\u{ffff}\u{fffe}<b>\"&'";
    let plot = ScatterPlot::new("p", hostile).x_label(hostile).class(hostile, [(0.0, 0.0)]);
    let svg = &written(&report().scatter(plot))["r.p.svg"];
    assert!(!svg.contains(|c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}')));
    assert!(svg.contains("<title>a    &lt;b&gt;&quot;&amp;&#39;</title>") && !svg.contains("<b>"));
}

#[test]
fn what_is_no_plot_is_refused() {
    let check = |report: Report, expected: &str| {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("out");
        assert_eq!(report.write(&dir).unwrap_err().to_string(), expected);
        assert!(!dir.exists());
    };
    let empty = "plot `p` has no points; add a series with at least one";
    check(report().bars(BarPlot::new("p", "")), empty);
    check(report().bars(BarPlot::new("p", "").series("s", Vec::<(&str, _)>::new())), empty);
    check(report().scatter(ScatterPlot::new("p", "").class("c", [])), empty);
    check(report().roc(RocPlot::new("p", "")), empty);
    check(
        report().bars(BarPlot::new("p", "").series("s", [("g", mixed()), ("g", separated())])),
        "series `s` of plot `p` has two bars for `g`; give each group at most one",
    );
    check(
        report().bars(bars().reference(f64::NAN, "line")),
        "plot `by_tone` has the value `NaN` in `line`; every coordinate must be finite",
    );
    check(
        report().scatter(scatter().points([(0.0, f64::INFINITY)])),
        "plot `projections` has the value `inf` in `points`; every coordinate must be finite",
    );
    check(
        report().roc(roc()).bars(BarPlot::new("ROC", "").series("s", [("g", mixed())])),
        "there are two plots named `ROC`; give each a name of its own",
    );

    let curve = |fpr: &[f64], tpr: &[f64]| report().roc(RocPlot::new("p", "").curve("c", fpr, tpr, &mixed()));
    let lengths = |n_fpr, n_tpr| {
        format!(
            "curve `c` of plot `p` has {n_fpr} false-positive and {n_tpr} true-positive rates; give as many of each, at least 2"
        )
    };
    check(curve(&[0.0, 1.0], &[0.0, 0.5, 1.0]), &lengths(2, 3));
    check(curve(&[], &[]), &lengths(0, 0));
    let wrong = |point, at: &str| {
        format!(
            "point {point} of curve `c` of plot `p` is at {at}; \
             a ROC curve begins at (0, 0), never falls in either rate, and ends at (1, 1)"
        )
    };
    check(curve(&[0.0, 0.5, 0.25, 1.0], &[0.0, 0.5, 0.5, 1.0]), &wrong(2, "(0.25, 0.5)"));
    check(curve(&[0.0, 0.5, 1.0], &[0.0, 0.5, 0.25]), &wrong(2, "(1, 0.25)"));
    check(curve(&[0.0, 0.5, 1.5], &[0.0, 0.5, 1.0]), &wrong(2, "(1.5, 1)"));
    check(curve(&[0.0, f64::NAN, 1.0], &[0.0, 0.5, 1.0]), &wrong(1, "(NaN, 0.5)"));
    check(curve(&[0.25, 1.0], &[0.0, 1.0]), &wrong(0, "(0.25, 0)"));
    check(curve(&[0.0, 1.0], &[0.0, 0.5]), &wrong(1, "(1, 0.5)"));
}
