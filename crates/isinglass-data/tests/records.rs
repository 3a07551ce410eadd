//! Records of every kind are the same whatever file they are in, and broken files are refused.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{fmt::Debug, fs, path::Path, sync::Arc};

use isinglass_data::{
    ContextPair, Control, DataError, Dataset, Labelled, Place, Record, RegisterPair, StrippedControl, Table, Triplet,
    originals::{self, ContextPrompts, OriginalControl, OriginalStripped, OriginalTriplet, TraitSentence, Validation},
};
use parquet::{
    data_type::{ByteArray, ByteArrayType},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use proptest::prelude::*;
use serde::Serialize;

const FORMATS: [&str; 4] = ["json", "jsonl", "csv", "parquet"];

/// Writes rows of texts under these keys.
fn write(path: &Path, keys: &[&str], rows: &[Vec<String>]) {
    let object = |row: &Vec<String>| {
        let fields = keys.iter().zip(row).map(|(key, text)| ((*key).to_owned(), text.clone().into()));
        serde_json::Value::Object(fields.collect())
    };
    match path.extension().unwrap().to_str().unwrap() {
        "json" => fs::write(path, serde_json::to_vec_pretty(&rows.iter().map(object).collect::<Vec<_>>()).unwrap()),
        "jsonl" => fs::write(path, rows.iter().map(|row| object(row).to_string()).collect::<Vec<_>>().join("\n")),
        "csv" => {
            let mut writer = csv::Writer::from_path(path).unwrap();
            writer.write_record(keys).unwrap();
            for row in rows {
                writer.write_record(row).unwrap();
            }
            writer.flush()
        }
        _ => {
            let columns: Vec<_> = keys.iter().map(|key| format!("REQUIRED BYTE_ARRAY {key} (UTF8);")).collect();
            let columns = columns.concat();
            let schema = Arc::new(parse_message_type(&format!("message rows {{ {columns} }}")).unwrap());
            let file = fs::File::create(path).unwrap();
            let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
            let mut group = writer.next_row_group().unwrap();
            for column in 0..keys.len() {
                let values: Vec<ByteArray> = rows.iter().map(|row| row[column].as_str().into()).collect();
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
            writer.close().map(|_| ()).unwrap();
            Ok(())
        }
    }
    .unwrap();
}

/// The rows of a record kind with these texts, made to differ, read from each format; all are equal.
fn in_every_format<R: Record + Serialize + PartialEq + Clone + Debug>(keys: &[&str], texts: &[Vec<String>]) -> Vec<R> {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Vec<String>> = (0..)
        .zip(texts)
        .map(|(row, texts): (usize, _)| keys.iter().zip(texts).map(|(key, text)| format!("{row}{key}{text}")).collect())
        .collect();
    let mut read = FORMATS.map(|format| {
        let path = folder.path().join(format!("rows.{format}"));
        write(&path, keys, &rows);
        Dataset::<R>::from_file(&path).unwrap().records().to_vec()
    });
    for other in &read[1..] {
        assert_eq!(other, &read[0]);
    }
    // And each is what was written.
    for (record, row) in read[0].iter().zip(&rows) {
        let fields = serde_json::to_value(record).unwrap();
        for (key, text) in keys.iter().zip(row) {
            assert_eq!(fields[key], text.as_str());
        }
    }
    std::mem::take(&mut read[0])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]
    #[test]
    fn every_format_gives_equal_records(
        // Everything that is special in one of the formats, and whatever else there is.
        texts in prop::collection::vec(prop::collection::vec("([\"',;\\\\\\{\\}\\[\\]\r\n\t \u{feff}0-9é😀]|\\PC){0,12}", 7), 1..6),
    ) {
        in_every_format::<Triplet>(
            &["id", "topic", "scenario", "cognitive", "affective", "instrumental"], &texts);
        in_every_format::<Control>(&["id", "topic", "scenario", "enthusiastic", "analytical", "reflective"], &texts);
        in_every_format::<StrippedControl>(
            &["id", "triplet_id", "topic", "scenario", "factual", "informational", "procedural"], &texts);
        in_every_format::<ContextPair>(&["id", "context", "topic", "empathetic", "neutral"], &texts);
        in_every_format::<RegisterPair>(&["id", "topic", "formal", "casual"], &texts);
        in_every_format::<isinglass_data::Pair>(&["pair", "topic", "positive", "negative"], &texts);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        format in prop::sample::select(FORMATS.to_vec()),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[\\[\\]\\{\\}\",:a1 \r\n\\\\]{0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("any.{format}"));
        fs::write(&path, bytes).unwrap();
        if let Ok(table) = Table::open(&path) {
            prop_assert!(!table.is_empty());
        }
    }
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

const STRIPPED: &str = "id,triplet_id,topic,scenario,factual,informational,procedural\n\
                        v1,t9,rain,\"It rains,\nagain.\",f1,i1,p1\nv2,t8,sun,It shines.,f2,i2,p2\nv3,t9,fog,No.,f3,i3,p3\n";

#[test]
fn texts_have_classes_groups_and_what_they_answer() {
    let (_folder, path) = file("a.csv", STRIPPED);
    let texts = Dataset::<StrippedControl>::from_file(&path).unwrap().labelled();
    assert_eq!(texts.len(), 9);
    let expected = Labelled {
        id: "v1".into(),
        text: "i1".into(),
        class: 1,
        class_name: "informational".into(),
        group: 0,
        group_name: "t9".into(),
        topic: Some("rain".into()),
        context: None,
        scenario: Some("It rains,\nagain.".into()),
    };
    assert_eq!(texts[1], expected);
    let groups: Vec<u64> = texts.iter().map(|text| text.group).collect();
    assert_eq!(groups, [0, 0, 0, 1, 1, 1, 0, 0, 0]);
    let classes: Vec<usize> = texts.iter().map(|text| text.class).collect();
    assert_eq!(classes, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

#[test]
fn what_stands_twice_is_named_with_both_places() {
    let check = |text: &str| {
        let (_folder, path) = file("a.csv", text);
        Dataset::<StrippedControl>::from_file(&path).unwrap_err()
    };
    let error = check(&STRIPPED.replace("v3", "v1"));
    let (place, first) = (Place::Line(5), Place::Line(2));
    assert!(matches!(error, DataError::DuplicateId { place: p, first: f, .. } if (p, f) == (place, first)));
    let error = check(&STRIPPED.replace("i2", "f2"));
    assert!(matches!(error, DataError::DuplicateText { place: Place::Line(4), first: Place::Line(4), .. }));
    // Scenarios too: a probe of one would know the other.
    let error = check(&STRIPPED.replace("No.", "It shines."));
    assert!(matches!(error, DataError::DuplicateText { place: Place::Line(5), first: Place::Line(4), .. }));
}

#[test]
fn another_kind_of_record_is_refused() {
    let (_folder, path) = file("a.csv", STRIPPED);
    let error = Dataset::<Control>::from_file(&path).unwrap_err().to_string();
    assert!(error.contains("line `2` has the unknown key `triplet_id`; the keys are `id`, `topic`,"), "{error}");
    let (_folder, path) = file("a.txt", STRIPPED);
    assert!(matches!(Dataset::<StrippedControl>::from_file(&path), Err(DataError::NotRecords { .. })));
}

#[test]
fn triplets_of_the_original_study() {
    let text = r#"{"triplets": [
        {"id": 1, "scenario": "s", "cognitive": "c", "affective": "a", "instrumental": "i", "attempt": 2,
         "validation": {"valid": false, "issues": ["too alike"], "suggestions": "none"}, "needs_review": true},
        {"id": "t2", "scenario": "s2", "cognitive": "c2", "affective": "a2", "instrumental": "i2", "mood": 1}
    ], "count": 2}"#;
    let (_folder, path) = file("a.json", text);
    let read = originals::read::<OriginalTriplet>(&path).unwrap();
    assert_eq!(read.unread, ["mood"]);
    let [first, second] = &read.records[..] else { panic!("{read:?}") };
    let validation = Validation { valid: false, issues: vec!["too alike".into()], suggestions: vec!["none".into()] };
    assert_eq!((first.id.as_str(), first.attempt, first.needs_review), ("1", Some(2), true));
    assert_eq!(first.validation, Some(validation));
    assert_eq!((&second.validation, second.attempt, second.needs_review), (&None, None, false));
    let triplet = second.clone().into_triplet("work");
    assert_eq!((triplet.id.as_str(), triplet.topic.as_str(), triplet.affective.as_str()), ("t2", "work", "a2"));

    let (_folder, path) = file("a.json", &text.replace("false, \"issues\"", "\"no\", \"issues\""));
    let error = originals::read::<OriginalTriplet>(&path).unwrap_err();
    assert!(matches!(&error, DataError::WrongValue { place: Place::Item(0), key, .. } if key == "validation"));
}

#[test]
fn controls_of_the_original_study() {
    let text = r#"[{"id": 4, "scenario": "s", "response_1": "one", "response_2": "two", "response_3": "three"}]"#;
    let (_folder, path) = file("a.json", text);
    let read = originals::read::<OriginalControl>(&path).unwrap();
    let control = read.records[0].clone().into_control("art");
    assert_eq!(control.texts(), ["one", "two", "three"]);
    assert_eq!((control.id(), control.topic()), ("4", Some("art")));

    let text =
        r#"[{"id": 4, "triplet_id": 9, "scenario": "s", "factual": "f", "informational": "i", "procedural": "p"}]"#;
    let (_folder, path) = file("a.json", text);
    let read = originals::read::<OriginalStripped>(&path).unwrap();
    let control = read.records[0].clone().into_control("art");
    assert_eq!((control.group(), control.texts()), ("9", vec!["f", "i", "p"]));
}

#[test]
fn labels_of_traits_are_zero_to_three() {
    let (_folder, path) = file("a.csv", "sentence,concept_strength_label\r\n12 went in.,0\r\n\"She, too.\",3\r\n");
    let read = originals::read::<TraitSentence>(&path).unwrap();
    assert_eq!(read.records[0], TraitSentence { sentence: "12 went in.".into(), strength: 0 });
    assert_eq!(read.records[1], TraitSentence { sentence: "She, too.".into(), strength: 3 });
    for label in ["4", "-1", "1.0", "", " 1"] {
        let (_folder, path) = file("a.csv", &format!("sentence,concept_strength_label\nx,{label}\n"));
        let error = originals::read::<TraitSentence>(&path).unwrap_err();
        assert!(matches!(&error, DataError::WrongValue { value, .. } if value == label), "{error}");
    }
}

#[test]
fn answers_are_letters_of_options() {
    let good = r#"[{"question_id": 7, "question": "q", "options": ["x", "y"], "answer": "B", "answer_index": 1,
                    "cot_content": null, "category": "c", "src": ""}]"#;
    let check = |text: &str| {
        let (_folder, path) = file("a.json", text);
        originals::read::<originals::Question>(&path)
    };
    assert_eq!(check(good).unwrap().records[0].answer, 'B');
    for (from, to, wrong) in [
        ("\"B\"", "\"A\"", "answer"),
        ("_index\": 1", "_index\": 2", "answer_index"),
        ("_index\": 1", "_index\": -1", "answer_index"),
        ("[\"x\", \"y\"]", "[]", "options"),
        ("\"y\"", "3", "options"),
    ] {
        let error = check(&good.replace(from, to)).unwrap_err();
        assert!(matches!(&error, DataError::WrongValue { key, .. } if key == wrong), "{error}");
    }
}

#[test]
fn prompts_of_contexts() {
    let text = r#"{"metadata": {"total": 250}, "contexts": {
        "crisis": [{"id": "p1", "empathetic": "e1", "neutral": "n1"}, {"id": "p2", "empathetic": "e2", "neutral": "n2"}],
        "technical": [{"id": "p1", "empathetic": "e3", "neutral": "n3"}]}, "version": 1}"#;
    let (_folder, path) = file("a.json", text);
    let prompts = ContextPrompts::read(&path).unwrap();
    assert_eq!(prompts.unread, ["version"]);
    assert!(prompts.metadata.is_some());
    let pairs = prompts.into_pairs();
    let rows: Vec<_> = pairs.iter().map(|pair| (pair.id(), pair.context().unwrap(), pair.texts())).collect();
    let expected = [
        ("crisis_p1", "crisis", vec!["e1", "n1"]),
        ("p2", "crisis", vec!["e2", "n2"]),
        ("technical_p1", "technical", vec!["e3", "n3"]),
    ];
    assert_eq!(rows, expected);

    let check = |text: &str| {
        let (_folder, path) = file("a.json", text);
        ContextPrompts::read(&path).unwrap_err()
    };
    assert!(matches!(check("[]"), DataError::NoArray { .. }));
    assert!(matches!(check(r#"{"contexts": []}"#), DataError::NoArray { .. }));
    assert!(matches!(check(r#"{"contexts": {"a": 3}}"#), DataError::NoSuchArray { key, .. } if key == "a"));
    assert!(matches!(
        check(&text.replace("\"e2\"", "7")),
        DataError::WrongValue { place: Place::Item(1), key, .. } if key == "empathetic"
    ));
}
