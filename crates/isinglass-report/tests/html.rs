//! The HTML of a report: whole, alone, and safe whatever is in it.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

#[path = "shared/reports.rs"]
mod shared;

use isinglass_report::{
    BarPlot, DataSource, HeatMap, LinePlot, Origin, Provenance, Report, RocPlot, ScatterPlot, Table,
};
use shared::{adjusted, every_kind, mixed, pictures, provenance, verdicts, written};

fn html(report: &Report) -> String {
    written(report).remove("study.html").unwrap()
}

/// The tags in their order, once each that opens is seen to be closed in turn.
fn tags(html: &str) -> Vec<&str> {
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    // A style is no markup.
    let (head, rest) = html.split_once("<style>").unwrap();
    let rest = rest.split_once("</style>").unwrap().1;
    for tag in [head, rest].into_iter().flat_map(|part| part.split('<').skip(1)) {
        let tag = tag.split_once('>').unwrap().0;
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else {
            tags.push(tag);
            if !tag.ends_with('/') && !["!DOCTYPE", "meta", "br"].contains(&name) {
                open.push(name);
            }
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    tags
}

#[test]
fn a_page() {
    let [first, _] = adjusted();
    let report = Report::new("study", "A study of *pairs*", provenance(Origin::Synthetic))
        .estimate("layer 1", &first)
        .table(Table::new("Words", ["site", "layers"]).row(["resid_post".into(), 2.into()]))
        .samples("Steered", [("dose 8", "I am\n<b>well")])
        .note("Read it *with care*.");
    let html = html(&report);
    let (head, body) = html.split_once("</style>\n").unwrap();
    insta::assert_snapshot!(head.split_once("<style>").unwrap().0, @r#"
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>SYNTHETIC: A study of *pairs*</title>
    "#);
    insta::assert_snapshot!(body, @r#"
    </head>
    <body>
    <p class="warning" role="note"><strong>SYNTHETIC: these numbers come from made-up data and measure no trained model.</strong></p>
    <header>
    <h1>A study of *pairs*</h1>
    <div class="wide">
    <table>
    <caption>Provenance</caption>
    <tbody>
    <tr><th scope="row">origin</th><td><strong>synthetic</strong></td></tr>
    <tr><th scope="row">model</th><td>toy</td></tr>
    <tr><th scope="row">weights, SHA-256</th><td><code>00ff</code></td></tr>
    <tr><th scope="row">data: pairs.jsonl</th><td>SHA-256 <code>c0de</code>, licence CC0-1.0</td></tr>
    <tr><th scope="row">seed</th><td><code>7</code></td></tr>
    <tr><th scope="row">device</th><td>flex</td></tr>
    <tr><th scope="row">version: isinglass</th><td>0.1.0</td></tr>
    <tr><th scope="row">setting: layers</th><td><code>2</code></td></tr>
    </tbody>
    </table>
    </div>
    </header>
    <main>
    <section aria-labelledby="part-1">
    <h2 id="part-1">Estimates</h2>
    <div class="wide">
    <table>
    <caption>Estimate: AUROC, out of fold.<br>
    Interval: 95 %, percentile bootstrap over 4 groups, 40 resamples, seed 0.<br>
    p: one-sided, against 3 label flips within pairs.<br>
    Adjusted p: Holm over 2 tests.</caption>
    <thead>
    <tr><td></td><th scope="col">value</th><th scope="col">interval</th><th scope="col">n</th><th scope="col">p</th><th scope="col">method</th></tr>
    </thead>
    <tbody>
    <tr><th scope="row">layer 1</th><td class="number">0.812</td><td class="number">[0.24, 1.00]</td><td class="number">8</td><td class="number">0.250, 0.500 by Holm over 2</td><td>AUROC, out of fold</td></tr>
    </tbody>
    </table>
    </div>
    </section>
    <section aria-labelledby="part-2">
    <h2 id="part-2">Words</h2>
    <div class="wide">
    <table>
    <caption class="unseen">Words</caption>
    <thead>
    <tr><th scope="col">site</th><th scope="col">layers</th></tr>
    </thead>
    <tbody>
    <tr><th scope="row">resid_post</th><td class="number">2</td></tr>
    </tbody>
    </table>
    </div>
    </section>
    <section aria-labelledby="part-3">
    <h2 id="part-3">Steered</h2>
    <h3>dose 8</h3>
    <pre>
    I am
    &lt;b&gt;well</pre>
    </section>
    <div class="note">
    <p>Read it <em>with care</em>.</p>
    </div>
    </main>
    <footer>synthetic · toy · weights 00ff · seed 7</footer>
    </body>
    </html>
    "#);
}

#[test]
fn a_page_has_every_plot_and_every_number_with_its_count() {
    let files = written(&every_kind(Origin::Measured));
    let html = &files["study.html"];
    tags(html);
    assert_eq!(pictures(&files).len(), 6);
    for (name, svg) in pictures(&files) {
        assert!(html.contains(svg), "{name}");
    }
    // The rows of plots' estimates: series, place, value, interval, n.
    for row in [
        r#"<th scope="row">probe</th><td>0</td><td class="number">0.812</td><td class="number">[0.24, 1.00]</td><td class="number">8</td>"#,
        r#"<th scope="row">words</th><td>blunt</td><td class="number">0.812</td><td class="number">[0.24, 1.00]</td><td class="number">8</td>"#,
        r#"<th scope="row">probe</th><td class="number">0.812</td><td class="number">[0.24, 1.00]</td><td class="number">8</td>"#,
    ] {
        assert!(html.contains(row), "{row}");
    }
    assert!(html.contains("Counts: n = 8.") && html.contains("<h2 id=\"part-1\">Included: earlier</h2>"));
    // What every table and picture needs to be read aloud.
    let count = |tag: &str| html.matches(tag).count();
    assert_eq!((count("<table"), count("<svg ")), (count("<caption"), count(" role=\"img\">\n<title>")));
    assert_eq!(count("<h1"), 1);
}

#[test]
fn adjusted_p_values_name_their_correction() {
    let files = written(
        &Report::new("study", "", provenance(Origin::Measured)).estimate("a", &adjusted()[0]).table(verdicts()),
    );
    for file in ["study.md", "study.html"] {
        let text = &files[file];
        assert_eq!(text.matches("0.250, 0.500 by Holm over 2").count(), 2, "{text}");
        assert_eq!(text.matches("Adjusted p: Holm over 2 tests.").count(), 2, "{text}");
        assert!(text.contains("(n = 8, p = 0.250, 0.500 by Holm over 2)"));
    }
    assert!(files["study.json"].contains(r#""adjusted": {"#));
}

#[test]
fn nothing_that_comes_from_outside_is_markup() {
    const HOSTILE: &str = "</title></style></pre><script>alert(\"1\")</script><img src=x onerror='alert(1)'>]]>&amp;";
    let provenance = Provenance::new(HOSTILE, HOSTILE, Origin::Measured)
        .data(DataSource { name: HOSTILE.into(), sha256: HOSTILE.into(), licence: HOSTILE.into() })
        .device(HOSTILE)
        .version(HOSTILE, HOSTILE)
        .setting(HOSTILE, HOSTILE);
    let estimate = mixed().qualified(HOSTILE);
    let report = Report::new("study", HOSTILE, provenance.clone())
        .include(&provenance)
        .unwrap()
        .estimate(HOSTILE, &estimate)
        .table(Table::new(HOSTILE, [HOSTILE, ""]).row([HOSTILE.into(), (&estimate).into()]))
        .lines(
            LinePlot::new("l", HOSTILE)
                .x_label(HOSTILE)
                .reference(0.5, HOSTILE)
                .series(HOSTILE, [(0.0, estimate.clone())]),
        )
        .bars(BarPlot::new("b", HOSTILE).y_label(HOSTILE).series(HOSTILE, [(HOSTILE, estimate.clone())]))
        .scatter(ScatterPlot::new("s", HOSTILE).class(HOSTILE, [(0.0, 1.0)]))
        .roc(RocPlot::new("r", HOSTILE).curve(HOSTILE, &[0.0, 1.0], &[0.0, 1.0], &estimate))
        .heat(HeatMap::new("h", HOSTILE).range(HOSTILE, 0.0, 1.0).columns([HOSTILE]).row(HOSTILE, [(0.5, HOSTILE)]))
        .samples(HOSTILE, [(HOSTILE, HOSTILE)])
        .note(HOSTILE)
        .note(format!("[a](javascript:alert(1)) ![b](https://x.org/b.png)\n\n{HOSTILE}"));
    let html = html(&report);
    for tag in tags(&html) {
        let name = tag.split([' ', '/']).next().unwrap();
        assert!(!["script", "img", "a", "iframe", "link", "object"].contains(&name), "{tag}");
        assert!(!tag.contains("onerror"), "{tag}");
    }
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(!html.contains("javascript:") && !html.contains("https://x.org"));
    // It is shown all the same.
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
}

#[test]
fn a_page_needs_nothing_outside_it() {
    let html = html(&every_kind(Origin::Measured));
    for outside in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    // The namespace of SVG is a name, and nothing is fetched for it.
    assert_eq!(html.matches("://").count(), html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
}

#[test]
fn a_sample_keeps_its_lines() {
    let sample = |text: &str| html(&Report::new("study", "", provenance(Origin::Measured)).samples("S", [("l", text)]));
    // What follows the tag at once is not read: the first line's end must be the second.
    assert!(sample("\n\n a\r\n\tb\u{1b}").contains("<pre>\n\n\n a&#13;\n\tb\u{fffd}</pre>"));
}
