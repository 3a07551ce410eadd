//! A table of texts takes a few times the memory of its file.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "../../isinglass-formats/tests/support/peak.rs"]
mod peak;

use isinglass_data::Table;
use peak::peak;

#[test]
fn a_large_file_takes_a_few_times_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let text = "The train was early again, and left late. ".repeat(5);
    let rows: Vec<_> = (0..100_000).map(|i| format!("{{\"id\": {i}, \"text\": \"{text}\"}}")).collect();
    for (name, content) in [
        ("a.jsonl", rows.join("\n")),
        ("a.json", format!("[{}]", rows.join(","))),
        ("a.csv", {
            let rows: Vec<_> = (0..100_000).map(|i| format!("{i},\"{text}\"")).collect();
            format!("id,text\n{}\n", rows.join("\n"))
        }),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &content).unwrap();
        let (table, n_bytes) = peak(|| Table::open(&path).unwrap());
        assert_eq!(table.len(), 100_000);
        assert!(n_bytes < 4 * content.len(), "{name}: {n_bytes} for {}", content.len());
        println!("{name}: {:.2}", n_bytes as f64 / content.len() as f64);
    }
}
