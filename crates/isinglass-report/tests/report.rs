//! What a report writes, and what it refuses to write; long for the two whole files it holds.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

#[path = "shared/reports.rs"]
mod shared;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use isinglass_report::{DataSource, HeatMap, LinePlot, Origin, Provenance, Report, ReportError, Table};
use serde_json::Value;
use shared::{
    bars, contents, every_kind, heat, lines, mixed, null, pictures, provenance, roc, separated, verdicts, written,
};

fn full(origin: Origin) -> Report {
    Report::new("study", "A study of *pairs*", provenance(origin))
        .estimate("blocks.1.hook_resid_post", &mixed().with_permutation(&null()))
        .estimate("separated", &separated())
        .table(Table::new("Layers", ["layer", "token", "AUROC"]).row([1.into(), "a|b".into(), mixed().into()]))
        .lines(lines())
        .samples("Steered", [("dose 8", "```\nnot *markup*")])
        .note("Read it with care.")
}

#[test]
fn markdown() {
    insta::assert_snapshot!(written(&full(Origin::Measured))["study.md"], @r"
    # A study of \*pairs\*

    | provenance |  |
    | --- | --- |
    | origin | **measured** |
    | model | toy |
    | weights, SHA-256 | `00ff` |
    | data: pairs.jsonl | SHA-256 `c0de`, licence CC0-1.0 |
    | seed | `7` |
    | device | flex |
    | version: isinglass | 0.1.0 |
    | setting: layers | `2` |

    ## Estimates

    |  | value | interval | n | p | method |
    | --- | --- | --- | --- | --- | --- |
    | blocks.1.hook_resid_post | 0.812 | [0.24, 1.00] | 8 | 0.250 | AUROC, out of fold |
    | separated | 1.000 | none | 8 | none | AUROC |

    Estimate: AUROC, out of fold.
    Estimate: AUROC.
    Interval: 95 %, percentile bootstrap over 4 groups, 40 resamples, seed 0.
    p: one-sided, against 3 label flips within pairs.

    ## Layers

    | layer | token | AUROC |
    | --- | --- | --- |
    | 1 | a\|b | 0.812 [0.24, 1.00] (n = 8) |

    Estimate: AUROC, out of fold.
    Interval: 95 %, percentile bootstrap over 4 groups, 40 resamples, seed 0.

    ## AUROC \<by\> layer

    ![AUROC \<by\> layer](study.by_layer.svg)

    Estimate: AUROC, out of fold.
    Interval: 95 %, percentile bootstrap over 4 groups, 40 resamples, seed 0.
    Counts: n = 8.
    Grey band: the central 100 % of label flips within pairs.

    ## Steered

    **dose 8**

    ````text
    ```
    not *markup*
    ````

    Read it with care.
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "the file itself is long")]
fn json() {
    let report = Report::new("study", "A study", provenance(Origin::Measured))
        .estimate("layer 1", &mixed().with_permutation(&null()))
        .table(Table::new("Layers", ["layer", "site"]).row([1.into(), "resid_post".into()]))
        .lines(LinePlot::new("flat", "Flat").reference(0.5, "chance").series("probe", [(0.0, separated())]))
        .samples("Steered", [("dose 8", "text")])
        .note("Read it with care.");
    insta::assert_snapshot!(written(&report)["study.json"], @r#"
    {
      "schema": "isinglass.report/1",
      "name": "study",
      "title": "A study",
      "origin": "measured",
      "provenance": {
        "origin": "measured",
        "model": "toy",
        "weights_sha256": "00ff",
        "data": [
          {
            "name": "pairs.jsonl",
            "sha256": "c0de",
            "licence": "CC0-1.0"
          }
        ],
        "seed": 7,
        "device": "flex",
        "versions": {
          "isinglass": "0.1.0"
        },
        "settings": {
          "layers": 2
        }
      },
      "includes": [],
      "sections": [
        {
          "kind": "estimates",
          "estimates": [
            {
              "label": "layer 1",
              "estimate": {
                "value": 0.8125,
                "interval": {
                  "low": 0.24375000000000022,
                  "high": 1.0,
                  "level": 0.95,
                  "method": "percentile bootstrap over 4 groups, 40 resamples, seed 0"
                },
                "n": 8,
                "method": "AUROC, out of fold",
                "p": {
                  "value": 0.25,
                  "null": "label flips within pairs",
                  "n_resamples": 3
                }
              }
            }
          ]
        },
        {
          "kind": "table",
          "heading": "Layers",
          "columns": [
            "layer",
            "site"
          ],
          "rows": [
            [
              1,
              "resid_post"
            ]
          ]
        },
        {
          "kind": "lines",
          "name": "flat",
          "title": "Flat",
          "x_label": "",
          "y_label": "",
          "y_range": null,
          "reference": {
            "y": 0.5,
            "label": "chance"
          },
          "null_band": null,
          "series": [
            {
              "label": "probe",
              "points": [
                {
                  "x": 0.0,
                  "y": {
                    "value": 1.0,
                    "interval": null,
                    "n": 8,
                    "method": "AUROC",
                    "p": null
                  }
                }
              ]
            }
          ]
        },
        {
          "kind": "samples",
          "heading": "Steered",
          "samples": [
            {
              "label": "dose 8",
              "text": "text"
            }
          ]
        },
        {
          "kind": "note",
          "text": "Read it with care."
        }
      ]
    }
    "#);
}

#[test]
fn synthetic_is_marked_in_every_file_and_measured_in_none() {
    let marked = |files: &BTreeMap<String, String>| {
        let json: Value = serde_json::from_str(&files["study.json"]).unwrap();
        [
            json["origin"] == "synthetic" && json["provenance"]["origin"] == "synthetic",
            files["study.md"].lines().nth(2).unwrap().starts_with("SYNTHETIC: ")
                && files["study.md"].contains("| origin | **synthetic** |"),
            files["study.html"].contains("<title>SYNTHETIC: A study")
                && files["study.html"].contains("<strong>SYNTHETIC: ")
                && files["study.html"].contains("<td><strong>synthetic</strong></td>"),
            pictures(files).iter().all(|(_, svg)| svg.contains("SYNTHETIC")),
        ]
    };
    let synthetic = written(&every_kind(Origin::Synthetic));
    assert_eq!((marked(&synthetic), synthetic.len()), ([true; 4], 9));
    let measured = written(&every_kind(Origin::Measured));
    assert_eq!(marked(&measured), [false; 4]);
    for (name, content) in &measured {
        assert!(!content.to_lowercase().contains("synthetic"), "{name}");
        assert!(content.contains("measured"), "{name}");
    }
}

#[test]
fn origins_do_not_mix() {
    for (own, other) in [(Origin::Measured, Origin::Synthetic), (Origin::Synthetic, Origin::Measured)] {
        let refused = full(own).include(&Provenance::new("other", "", other)).unwrap_err();
        assert!(matches!(refused, ReportError::MixedOrigins { .. }));
        // Also where all numbers came with tables and plots.
        let refused = Report::new("study", "", provenance(own)).table(verdicts()).roc(roc()).bars(bars());
        assert!(matches!(refused.include(&Provenance::new("other", "", other)), Err(ReportError::MixedOrigins { .. })));
    }
    let refused = full(Origin::Measured).include(&provenance(Origin::Synthetic)).unwrap_err();
    insta::assert_snapshot!(refused, @"report `study` is measured and cannot include an artefact of model `toy` that is synthetic; write a report of its own for it");
}

#[test]
fn an_included_artefact_is_listed() {
    let earlier = Provenance::new("earlier model", "beef", Origin::Measured);
    let files = written(&full(Origin::Measured).include(&earlier).unwrap());
    assert!(files["study.md"].contains("## Included: earlier model\n\n| provenance |"));
    let json: Value = serde_json::from_str(&files["study.json"]).unwrap();
    assert_eq!(json["includes"][0]["weights_sha256"], "beef");
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = || {
        // A hash map has another order in each instance.
        let doses: HashMap<String, i32> = (0..20).map(|i| (format!("site {i}"), i)).collect();
        let doses = serde_json::to_value(doses).unwrap();
        Report::new("study", "A study", provenance(Origin::Measured).setting("doses", doses)).lines(lines())
    };
    assert_eq!(written(&report()), written(&report()));
    assert_eq!(written(&every_kind(Origin::Measured)), written(&every_kind(Origin::Measured)));
}

#[test]
fn files_are_replaced_whole_and_nothing_else_is_left() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("deep/down");
    full(Origin::Synthetic).write(&dir).unwrap();
    let files = full(Origin::Measured).write(&dir).unwrap();
    assert_eq!(contents(&dir), written(&full(Origin::Measured)));
    assert_eq!(files.json, dir.join("study.json"));
    assert_eq!(files.markdown, dir.join("study.md"));
    assert_eq!(files.html, dir.join("study.html"));
    assert_eq!(files.plots, [dir.join("study.by_layer.svg")]);
}

#[cfg(unix)]
#[test]
fn others_may_read_a_report_as_they_may_any_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("usual"), "").unwrap();
    let files = full(Origin::Measured).write(dir.path()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&files.json), mode(&dir.path().join("usual")));
}

#[test]
fn a_plot_shows_its_words_its_bands_and_its_points() {
    let svg = &written(&full(Origin::Measured))["study.by_layer.svg"];
    for word in ["AUROC &lt;by&gt; layer", "probe", "chance", "all label flips", "measured · toy · weights 00ff"] {
        assert!(svg.contains(word), "{word}");
    }
    let count = |tag: &str| svg.matches(tag).count();
    assert_eq!((count("<polygon"), count("<circle")), (2, 2)); // null and interval; two points
    assert!(svg.trim_end().ends_with("</svg>"));

    // An estimate without an interval gets a point and no band.
    let bare = LinePlot::new("bare", "").series("s", [(0.0, separated()), (1.0, separated())]);
    let svg = &written(&Report::new("r", "", provenance(Origin::Measured)).lines(bare))["r.bare.svg"];
    assert_eq!((svg.matches("<polygon").count(), svg.matches("<circle").count()), (0, 2));
}

#[test]
fn logarithmic_axes_have_powers_of_two_and_say_so() {
    let plot = LinePlot::new("growth", "").log_axes().series("s", [(64.0, mixed()), (100.0, mixed())]);
    let files = written(&Report::new("r", "", provenance(Origin::Measured)).lines(plot));
    let words: Vec<&str> = files["r.growth.svg"].lines().collect();
    for tick in ["64", "128", "1", "0.25"] {
        assert!(words.contains(&tick), "{tick}");
    }
    assert!(files["r.md"].contains("Both axes are logarithmic."));
    assert!(files["r.json"].contains(r#""log_axes": true"#));
}

#[test]
fn a_heat_map_shows_its_words_and_colours() {
    let files = written(&Report::new("r", "", provenance(Origin::Measured)).heat(heat()));
    let svg = &files["r.lens.svg"];
    let words =
        ["What &lt;each&gt; layer says", "·&lt;b&gt;", "an endles…", "x&amp;y", "↵", "&lt;|im_star…", "probability"];
    for word in words.into_iter().chain(["measured · toy · weights 00ff", "token read", "layer", "second"]) {
        assert!(svg.contains(word), "{word}");
    }
    assert!(!svg.contains('\u{7}') && !svg.contains("SYNTHETIC"));
    // Lightest and darkest, each of a cell and of the scale; the value beyond the range gets the darkest.
    assert_eq!((svg.matches("#F7FBFF").count(), svg.matches("#08306B").count()), (2, 3));
    let at = |word: &str| {
        let before = &svg[..svg.find(&format!(">\n{word}\n<")).unwrap()];
        before.rsplit(" y=\"").next().unwrap().split('"').next().unwrap().parse::<i32>().unwrap()
    };
    assert!(at("second") < at("first"), "the first row is the lowest");
    assert!(files["r.md"].contains("![What \\<each\\> layer says](r.lens.svg)"), "{}", files["r.md"]);
    let json: Value = serde_json::from_str(&files["r.json"]).unwrap();
    let section = &json["sections"][0];
    assert_eq!((&section["kind"], &section["rows"][1]["cells"][0]["value"]), (&"heat".into(), &0.25.into()));
    let files = written(&Report::new("r", "", provenance(Origin::Synthetic)).heat(heat()));
    assert!(files["r.lens.svg"].contains("SYNTHETIC"));
}

#[test]
fn a_heat_map_of_many_columns_has_no_words() {
    let wide = HeatMap::new("wide", "").columns((0..900).map(|i| i.to_string())).row("r", vec![(0.5, "word"); 900]);
    let svg = &written(&Report::new("r", "", provenance(Origin::Measured)).heat(wide))["r.wide.svg"];
    assert!(!svg.contains("word") && svg.matches("<rect").count() > 900);
}

#[test]
fn a_narrow_range_cuts_nothing_off() {
    let narrow = LinePlot::new("narrow", "").y_range(0.45, 0.55).series("s", [(0.0, separated())]);
    let svg = &written(&Report::new("r", "", provenance(Origin::Measured)).lines(narrow))["r.narrow.svg"];
    let circle = svg.split("<circle").nth(1).unwrap();
    let attribute = |name: &str| circle.split(name).nth(1).unwrap().split('"').nth(1).unwrap().parse::<i32>().unwrap();
    assert!((0..520).contains(&attribute("cy=")), "{circle}");
    assert!((0..900).contains(&attribute("cx=")), "{circle}");
}

#[test]
fn what_cannot_be_shown_is_refused_before_anything_is_written() {
    let check = |name: &str, add: &dyn Fn(Report) -> Report| {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("out");
        let report = Report::new(name, "", provenance(Origin::Measured));
        let refused = add(report).write(&dir).unwrap_err().to_string();
        assert!(!dir.exists());
        refused
    };
    let one = |name: &str| LinePlot::new(name, "").series("s", [(0.0, mixed())]);

    let name = "cannot name a file; use ASCII letters, digits, `_`, `-` and `.`, the first not a `.`";
    for bad in ["", ".hidden", "a/b", "../up", "später", "a b"] {
        assert_eq!(check(bad, &|report| report), format!("`{bad}` {name}"));
    }
    assert_eq!(check("r", &|report| report.lines(one("a\\b"))), format!("`a\\b` {name}"));
    assert_eq!(
        check("r", &|report| report.lines(one("p")).lines(one("P"))),
        "there are two plots named `P`; give each a name of its own"
    );
    assert_eq!(
        check("r", &|report| report.lines(LinePlot::new("p", "").series("s", []))),
        "plot `p` has no points; add a series with at least one"
    );
    assert_eq!(
        check("r", &|report| report.lines(one("p").series("dose", [(f64::NAN, mixed())]))),
        "plot `p` has the value `NaN` in `dose`; every coordinate must be finite"
    );
    assert_eq!(
        check("r", &|report| report.lines(one("p").reference(f64::INFINITY, "top"))),
        "plot `p` has the value `inf` in `top`; every coordinate must be finite"
    );
    assert_eq!(
        check("r", &|report| report.lines(one("p").log_axes())),
        "plot `p` has the value `0` in `s`; on logarithmic axes every coordinate must be above 0"
    );
    assert_eq!(
        check("r", &|report| report.heat(heat().row("third", [(f64::NAN, ""), (0.0, "")]))),
        "plot `lens` has the value `NaN` in `third`; every coordinate must be finite"
    );
    assert_eq!(
        check("r", &|report| report.heat(heat().row("third", [(0.0, "")]))),
        "row 2 of table `lens` has 1 cells; give one for each of its 2 columns"
    );
    assert_eq!(
        check("r", &|report| report.heat(HeatMap::new("none", ""))),
        "plot `none` has no points; add a series with at least one"
    );
    assert_eq!(
        check("r", &|report| report.heat(heat()).lines(one("LENS"))),
        "there are two plots named `LENS`; give each a name of its own"
    );
    assert_eq!(
        check("r", &|report| report.table(Table::new("t", ["a", "b"]).row([1.into(), 2.into()]).row([1.into()]))),
        "row 1 of table `t` has 1 cells; give one for each of its 2 columns"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("file");
    fs::write(&file, "in the way").unwrap();
    match full(Origin::Measured).write(&file).unwrap_err() {
        ReportError::Write { path, .. } => assert_eq!(path, file),
        other => panic!("{other}"),
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn results_of_data_alone_name_the_data() {
    let data = DataSource { name: "pairs.jsonl".into(), sha256: "c0dec0dec0dec0de".into(), licence: "CC0-1.0".into() };
    let of_data = Provenance::of_data(data, Origin::Measured).seed(3);
    let files = written(&Report::new("audit", "", of_data.clone()).bars(bars()));
    assert!(files["audit.md"].contains("| model | none was run |"), "{}", files["audit.md"]);
    assert!(!files["audit.md"].contains("weights, SHA-256"));
    assert!(files["audit.html"].contains("measured · pairs.jsonl · data c0dec0dec0de · seed 3"));
    let json: serde_json::Value = serde_json::from_str(&files["audit.json"]).unwrap();
    assert_eq!(
        (json["provenance"]["model"].as_str(), json["provenance"]["weights_sha256"].as_str()),
        (Some(""), Some(""))
    );
    let within = Report::new("r", "", provenance(Origin::Measured)).include(&of_data).unwrap();
    assert!(written(&within)["r.md"].contains("## Included: pairs.jsonl"));
}
