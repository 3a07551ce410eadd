//! docs/REPORT.md names every field of the JSON, with its type, and no other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails by panicking")]

#[path = "shared/reports.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use isinglass_report::{LinePlot, Origin, Report};
use serde_json::Value;
use shared::{every_kind, mixed, provenance, written};

/// Types by field, by object.
type Schema = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The tables of the document, by their headings.
fn documented() -> Schema {
    let document = include_str!("../../../docs/REPORT.md");
    let mut schema = Schema::new();
    for part in document.split("\n## ").skip(1) {
        let (heading, part) = part.split_once('\n').unwrap();
        let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
        let fields = rows.map(|row| {
            let (field, rest) = row.split_once("` | ").unwrap();
            let types = rest.split(" | ").next().unwrap().trim_end_matches(", may be missing");
            (field.to_owned(), types.split(" or ").map(str::to_owned).collect())
        });
        assert!(schema.insert(heading.replace('`', ""), fields.collect()).is_none(), "{heading} twice");
    }
    schema
}

/// What the values of a report are, in the words of the document.
#[derive(Default)]
struct Seen(Schema);

impl Seen {
    fn file(&mut self, file: &Value) {
        self.object("The file", "", file, &|name| match name {
            "provenance" => Some("provenance"),
            "includes" => Some("list of provenances"),
            "sections" => Some("list of sections"),
            _ => None,
        });
        for provenance in [&file["provenance"]].into_iter().chain(file["includes"].as_array().unwrap()) {
            let map = |name: &str| matches!(name, "versions" | "settings").then_some("map");
            self.object("Provenance", "", provenance, &map);
        }
        for section in file["sections"].as_array().unwrap() {
            let kind = section["kind"].as_str().unwrap();
            self.object(&format!("Section {kind}"), "", section, &|_| None);
        }
    }

    /// Notes the fields of an object under a path; `named` says which are of a type that has a table of its own.
    fn object(&mut self, table: &str, path: &str, object: &Value, named: &dyn Fn(&str) -> Option<&'static str>) {
        for (name, value) in object.as_object().unwrap() {
            let field = format!("{path}{name}");
            if let Some(known) = named(&field) {
                self.note(table, &field, known);
                continue;
            }
            // Of what an empty list is one is seen where it is not empty.
            if value.as_array().is_some_and(Vec::is_empty) {
                continue;
            }
            let of = self.kind(value);
            self.note(table, &field, &of);
            match value {
                Value::Object(_) if of == "object" => self.object(table, &format!("{field}."), value, named),
                Value::Array(items) if of == "list of objects" => {
                    for item in items {
                        self.object(table, &format!("{field}[]."), item, named);
                    }
                }
                _ => {}
            }
        }
    }

    /// The type of a value; an estimate is noted on the way.
    fn kind(&mut self, value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "boolean".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Number(number) => if number.is_f64() { "number" } else { "integer" }.to_owned(),
            Value::Array(items) => {
                let kinds: BTreeSet<String> = items.iter().map(|item| self.kind(item)).collect();
                // Of tables, rows hold whatever a cell may be.
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.split(' ').next().unwrap()).collect();
                match kinds[..] {
                    [kind] => format!("list of {kind}s"),
                    _ => "list of cells".to_owned(),
                }
            }
            Value::Object(fields) if fields.contains_key("interval") => {
                self.object("Estimate", "", value, &|_| None);
                "estimate".to_owned()
            }
            Value::Object(_) => "object".to_owned(),
        }
    }

    fn note(&mut self, table: &str, field: &str, kind: &str) {
        let fields = self.0.entry(table.to_owned()).or_default();
        fields.entry(field.to_owned()).or_default().insert(kind.to_owned());
    }
}

#[test]
fn the_document_and_the_files_agree() {
    let bare = Report::new("study", "Bare", provenance(Origin::Measured))
        .lines(LinePlot::new("bare", "").series("s", [(0.0, mixed())]))
        .bars(isinglass_report::BarPlot::new("bars", "").series("s", [("g", mixed())]));
    let mut seen = Seen::default();
    for report in [every_kind(Origin::Measured), bare] {
        let file: Value = serde_json::from_str(&written(&report)["study.json"]).unwrap();
        assert_eq!(file["schema"], "isinglass.report/1");
        seen.file(&file);
    }
    let documented = documented();
    assert_eq!(documented.keys().collect::<Vec<_>>(), seen.0.keys().collect::<Vec<_>>());
    for (table, fields) in &documented {
        assert_eq!(fields, &seen.0[table], "{table}");
    }
    // Every kind of section was among them.
    assert_eq!(seen.0.keys().filter(|table| table.starts_with("Section")).count(), 9);
}
