//! The table of measured parity in docs/MODELS.md.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use isinglass_core::site::{pattern, resid_pre};
use isinglass_core::{Cache, Cached, Forward, Run, SiteId};
use isinglass_testkit::values;

use crate::{each, of_site, prompt};

const START: &str = "<!-- measured by crates/isinglass-model/tests/parity, written with ISINGLASS_UPDATE=1 -->\n";
const END: &str = "<!-- end of what is measured -->";
const GROUPS: [&str; 6] = ["stream", "attention", "pattern", "MLP", "logits", "logits / spread"];

/// The group of a site by its TransformerLens name.
fn group(key: &str) -> &'static str {
    if key.contains("attn.hook_") {
        "attention"
    } else if key.contains("mlp.hook_") {
        "MLP"
    } else {
        "stream"
    }
}

/// For each fixture the greatest absolute difference in each group of sites.
fn measured() -> BTreeMap<String, (String, BTreeMap<&'static str, f32>)> {
    let all = std::cell::RefCell::new(BTreeMap::new());
    each(|model, expected, name| {
        if name.contains('(') {
            // The same model under the other form of its config.
            return;
        }
        let mut worst: BTreeMap<&str, f32> = BTreeMap::new();
        let mut note = |group: &'static str, actual: &[f32], reference: &[f32]| {
            assert_eq!(actual.len(), reference.len(), "{name}: {group}");
            let difference = actual.iter().zip(reference).fold(0.0_f32, |m, (a, e)| m.max((a - e).abs()));
            let entry = worst.entry(group).or_insert(0.0);
            *entry = entry.max(difference);
        };
        for p in [0, 1] {
            let mut cache = Cache::at(model.sites().clone());
            let logits = values(model.run(&prompt(expected, p), &mut cache).unwrap());
            let reference = expected.floats(&format!("p{p}.logits"));
            note("logits", &logits, &reference);
            let mean = reference.iter().sum::<f32>() / reference.len() as f32;
            let spread = (reference.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / reference.len() as f32).sqrt();
            let [actual, scaled] = [&logits, &reference].map(|x| x.iter().map(|x| x / spread).collect::<Vec<_>>());
            note("logits / spread", &actual, &scaled);
            let n_layers = model.spec().n_layers;
            let patterns = (0..n_layers).flat_map(|l| values(cache.get(pattern(l)).unwrap().clone()));
            note("pattern", &patterns.collect::<Vec<_>>(), &expected.floats(&format!("p{p}.attentions")));
            let hidden = expected.floats(&format!("p{p}.hidden_states"));
            let resid =
                (0..n_layers).flat_map(|l| values(cache.get(resid_pre(l)).unwrap().clone())).collect::<Vec<_>>();
            note("stream", &resid, &hidden[..resid.len()]);
            let prefix = format!("p{p}.");
            for key in expected.names().into_iter().filter_map(|key| key.strip_prefix(&prefix)) {
                if key.contains("hook_") {
                    let site: SiteId = key.parse().unwrap();
                    note(group(key), &of_site(&cache, site).1, &expected.floats(&format!("{prefix}{key}")));
                }
            }
        }
        let family = model.decoder_spec().family.clone();
        all.borrow_mut().insert(name.to_owned(), (family, worst));
    });
    all.into_inner()
}

#[test]
fn the_table_in_the_documents_is_what_is_measured() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/MODELS.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let measured = measured();
    let header = format!("| fixture | family | {} |\n|---|---|{}\n", GROUPS.join(" | "), "---|".repeat(GROUPS.len()));
    let row = |(name, (family, worst)): (&String, &(String, BTreeMap<&str, f32>))| {
        let cells: Vec<String> = GROUPS.iter().map(|g| format!("{:.1e}", worst[g])).collect();
        format!("| {name} | {family} | {} |\n", cells.join(" | "))
    };
    if env::var_os("ISINGLASS_UPDATE").is_some() {
        let rows: String = measured.iter().map(row).collect();
        fs::write(&path, format!("{before}{START}\n{header}{rows}\n{END}{after}")).unwrap();
        return;
    }
    if env::var_os("ISINGLASS_FIXTURES").is_some() {
        // Other fixtures than those the table is about.
        return;
    }
    for (name, (family, worst)) in &measured {
        let start = format!("| {name} | {family} | ");
        let line = table.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row for {name}"));
        let documented = line[start.len()..].trim_end_matches('|').split('|').map(|x| x.trim().parse::<f32>().unwrap());
        for (group, documented) in GROUPS.iter().zip(documented) {
            // Other processors round otherwise.
            let bound = documented.max(1e-6) * 10.0;
            assert!(worst[group] <= bound, "{name}, {group}: {} measured, {documented} documented", worst[group]);
        }
    }
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), measured.len() + 1);
}
