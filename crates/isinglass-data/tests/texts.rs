//! Files of texts: what is read, in any range, and every way in which one can be wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests too")]

use std::{
    fs::{self, File},
    io::Write as _,
    ops::Range,
    path::PathBuf,
};

use isinglass_data::{DataError, Dataset, Part, TextItem, Texts, Turn, UNSTATED};
use proptest::{prelude::*, test_runner::RngSeed};
use tempfile::TempDir;

/// A folder with one file of these bytes, and its path.
fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn plain<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<TextItem> {
    texts.into_iter().map(|text| TextItem::Plain(text.into())).collect()
}

/// The texts of a file of these bytes, or what is wrong with it.
fn check(name: &str, bytes: impl AsRef<[u8]>) -> Result<Vec<TextItem>, DataError> {
    let (_folder, path) = file(name, bytes);
    let texts = Texts::open(path)?;
    texts.read(0..texts.len())
}

/// 700 lines of JSON, some of them blank behind.
fn many() -> (String, Vec<TextItem>) {
    let blank = |i: usize| if i.is_multiple_of(50) { "\n \r\n" } else { "" };
    let lines = (0..700).map(|i| format!("{{\"text\": \"text {i:03}\"}}\n{}", blank(i)));
    (lines.collect(), plain((0..700).map(|i| format!("text {i:03}"))))
}

#[test]
fn lines_of_text() {
    let texts = "\u{feff}The train was early.\r\n\r\n  \n It was late. \n\n{\"text\": 3}";
    let expected = plain(["The train was early.", " It was late. ", "{\"text\": 3}"]);
    assert_eq!(check("a.txt", texts).unwrap(), expected);
    assert_eq!(check("A.TXT", texts).unwrap(), expected);
}

#[test]
fn lines_of_json() {
    let lines = "\u{feff}{\"text\": \"a\"}\r\n\r\n{\"parts\": [{\"name\": \"n\", \"text\": \"b\"}]}\n\
                 {\"messages\": [{\"role\": \"user\", \"content\": \"c\"}]}";
    let part = Part { name: "n".into(), text: "b".into() };
    let turn = Turn { role: "user".into(), content: "c".into() };
    let expected = [TextItem::Plain("a".into()), TextItem::Parts(vec![part]), TextItem::Chat(vec![turn])];
    assert_eq!(check("a.jsonl", lines).unwrap(), expected);
}

#[test]
fn what_is_known_of_a_file() {
    let (_folder, path) = file("trains.of.1900.txt", "abc");
    let texts = Texts::open(path).unwrap();
    assert_eq!((texts.name(), texts.licence(), texts.len()), ("trains.of.1900", UNSTATED, 1));
    assert_eq!(texts.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert!(!texts.is_empty());
    let debug = format!("{texts:?}");
    assert!(debug.starts_with("Texts { path: ") && debug.ends_with("n_texts: 1, .. }"), "{debug}");
}

#[test]
fn any_range_across_blocks() {
    let (lines, expected) = many();
    let (_folder, path) = file("many.jsonl", &lines);
    let texts = Texts::open(&path).unwrap();
    assert_eq!(texts.len(), 700);
    let ends = [0, 1, 3, 50, 51, 255, 256, 257, 300, 511, 512, 513, 699, 700];
    for (i, &start) in ends.iter().enumerate() {
        for &end in &ends[i..] {
            assert_eq!(texts.read(start..end).unwrap(), expected[start..end], "{start}..{end}");
        }
    }
}

#[test]
fn a_range_beyond_the_texts_is_refused() {
    let (_folder, path) = file("a.txt", "a\nb\n");
    let texts = Texts::open(&path).unwrap();
    let check =
        |start, end| {
            let error = texts.read(start..end).unwrap_err().to_string();
            assert!(error.ends_with(&format!(
                "has `2` texts, of which `{start}..{end}` is no range; give a range within `0..2`"
            )));
        };
    check(0, 3);
    check(3, 3);
    check(2, 1);
    assert_eq!(texts.read(2..2).unwrap(), []);
}

#[test]
fn long_texts_make_small_blocks() {
    // 3 MiB in 24 lines: reading one reads its block, not all.
    let text = |i: usize| format!("{i} {}", "x".repeat(1 << 17));
    let (_folder, path) = file("long.txt", (0..24).map(|i| text(i) + "\n").collect::<String>());
    let texts = Texts::open(&path).unwrap();
    for range in [0..1, 7..9, 8..9, 23..24, 0..24] {
        assert_eq!(texts.read(range.clone()).unwrap(), plain(range.map(text)));
    }
}

#[test]
fn many_blank_lines_are_blocks_without_texts() {
    let blank = "\n".repeat(5 << 19);
    let (_folder, path) = file("gaps.txt", format!("{blank}a\n{blank}b{blank}"));
    let texts = Texts::open(&path).unwrap();
    assert_eq!(texts.read(0..2).unwrap(), plain(["a", "b"]));
    assert_eq!((texts.read(0..1).unwrap(), texts.read(1..2).unwrap()), (plain(["a"]), plain(["b"])));
}

#[test]
fn wrong_lines_are_named() {
    let good = "{\"text\": \"a\"}\n\n";
    let error = check("a.jsonl", format!("{good}{{\"text\": 3}}\n")).unwrap_err();
    let DataError::BadText { line, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*line, source.line()), (3, 3));
    let error = check("a.jsonl", format!("{good}{{\"id\": 3}}\n")).unwrap_err();
    assert!(matches!(error, DataError::NotOneText { line: 3, .. }), "{error:?}");
    let error = check("a.jsonl", format!("{good}{{\"parts\": []}}\n")).unwrap_err();
    assert!(matches!(error, DataError::EmptyItem { line: 3, key: "parts", .. }), "{error:?}");
    let error = check("a.txt", [good.as_bytes(), b"\xff"].concat()).unwrap_err();
    assert!(matches!(error, DataError::NotUtf8 { line: 3, .. }), "{error:?}");
    // What is no text is found behind the first block too.
    let error = check("a.jsonl", many().0 + "{").unwrap_err();
    assert!(matches!(error, DataError::BadText { line: 729, .. }), "{error:?}");
}

#[test]
fn what_holds_no_texts_is_refused() {
    for bytes in ["", "\u{feff}", "\n \r\n"] {
        for name in ["a.txt", "a.jsonl"] {
            assert!(matches!(check(name, bytes), Err(DataError::NoTexts { .. })), "{name}: {bytes:?}");
        }
    }
    for name in ["a.json", "a", "txt", "a.txt.gz"] {
        let error = check(name, "a").unwrap_err();
        assert!(matches!(error, DataError::NotTexts { .. }), "{error:?}");
        assert!(error.to_string().contains("give a `.txt` file"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Texts::open(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::NoManifest { .. }), "{error:?}");
    let error = Texts::open(folder.path().join("none.txt")).unwrap_err();
    assert!(matches!(error, DataError::Read { .. }), "{error:?}");
}

#[test]
fn a_data_set_of_pairs() {
    let pairs = r#"{"pair": "a", "topic": "rope", "positive": "It held.", "negative": "It broke."}"#;
    let (folder, path) = file("ropes.jsonl", pairs);
    let sha256 = Dataset::from_pairs_file(&path).unwrap().sha256().to_owned();
    let manifest = format!(
        "name = \"rope pairs\"\ntitle = \"Ropes\"\nfile = \"ropes.jsonl\"\nsha256 = \"{sha256}\"\nn = 1\n\
         licence = \"CC0-1.0\"\nsource = \"here\"\nwritten_by = \"us\"\nlabelled_by = \"us\"\n\
         created = \"2026-11-21\"\ndescription = \"Ropes.\"\n"
    );
    let write_manifest = |text: &str| fs::write(folder.path().join("manifest.toml"), text).unwrap();
    write_manifest(&manifest);
    for path in [folder.path(), &path] {
        let texts = Texts::open(path).unwrap();
        assert_eq!((texts.name(), texts.licence(), texts.sha256()), ("rope pairs", "CC0-1.0", sha256.as_str()));
        assert_eq!(texts.read(0..2).unwrap(), plain(["It held.", "It broke."]));
        assert_eq!(texts.read(1..2).unwrap(), plain(["It broke."]));
        assert!(matches!(texts.read(1..3), Err(DataError::NoSuchTexts { n: 2, .. })));
    }
    // A manifest names one file: another beside it is a file of texts, and so is this one once it is not named.
    let other = folder.path().join("other.jsonl");
    fs::write(&other, "{\"text\": \"a\"}").unwrap();
    let texts = Texts::open(&other).unwrap();
    assert_eq!((texts.name(), texts.licence(), texts.read(0..1).unwrap()), ("other", UNSTATED, plain(["a"])));
    write_manifest(&manifest.replace("ropes.jsonl", "boats.jsonl"));
    assert!(matches!(Texts::open(&path), Err(DataError::NotOneText { line: 1, .. })));
    // One that names it has to be right.
    write_manifest("file = \"ropes.jsonl\"");
    assert!(matches!(Texts::open(&path), Err(DataError::BadManifest { .. })));
    write_manifest("no manifest");
    assert!(matches!(Texts::open(&path), Err(DataError::BadManifest { .. })));
}

#[test]
fn a_change_is_noticed() {
    let (lines, expected) = many();
    let (_folder, path) = file("many.jsonl", &lines);
    let texts = Texts::open(&path).unwrap();
    let changed = |bytes: &str, range: Range<usize>| {
        fs::write(&path, bytes).unwrap();
        let error = texts.read(range).unwrap_err();
        assert!(matches!(error, DataError::Changed { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .ends_with("has changed since it was opened; open it again, and leave it as it is while it is read")
        );
    };
    // A line more, a line less, and within the same length: other text, no JSON, fewer lines, one endless line.
    changed(&(lines.clone() + "{\"text\": \"a\"}\n"), 0..1);
    changed(&lines[..lines.len() - 23], 0..1);
    changed(&lines.replace("text 300", "text 301"), 300..301);
    changed(&lines.replace("\"text 300\"", "[text 300]"), 300..301);
    changed(&lines.replace("text 300\"}\n", "text 300\"} "), 299..302);
    changed(&" ".repeat(lines.len()), 699..700);
    changed(&"\n".repeat(lines.len()), 0..700);
    changed(&lines.replace("text 300", "text 301"), 0..700);
    // What is in blocks that did not change can still be read.
    assert_eq!(texts.read(0..256).unwrap(), expected[..256]);
    assert_eq!(texts.read(512..700).unwrap(), expected[512..]);
    fs::write(&path, &lines).unwrap();
    assert_eq!(texts.read(300..301).unwrap(), expected[300..301]);
    File::options().append(true).open(&path).unwrap().write_all(b"\n").unwrap();
    assert!(matches!(texts.read(0..1), Err(DataError::Changed { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(texts.read(0..1), Err(DataError::Read { .. })));
}

#[test]
fn threads_may_read_at_once() {
    let (lines, expected) = many();
    let (_folder, path) = file("many.jsonl", &lines);
    let texts = Texts::open(&path).unwrap();
    std::thread::scope(|scope| {
        for start in [0, 100, 250, 500] {
            let (texts, expected) = (&texts, &expected);
            scope.spawn(move || {
                for start in start..start + 20 {
                    assert_eq!(texts.read(start..start + 90).unwrap(), expected[start..start + 90]);
                }
            });
        }
    });
}

/// Any text that says something.
fn any_text() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter);
    text.prop_map(|text| if text.trim().is_empty() { text + "x" } else { text })
}

proptest! {
    #![proptest_config(ProptestConfig {
    cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
})]

    #[test]
    fn what_is_written_is_read(
        texts in prop::collection::vec((any_text(), 0..3_usize), 1..700),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8),
    ) {
        let ends = ["\n", "\r\n", "\n \n"];
        let line = |(text, end): &(String, usize)| {
            format!("{}{}", serde_json::json!({ "id": 1, "text": text }), ends[*end])
        };
        let (_folder, path) = file("any.jsonl", texts.iter().map(line).collect::<String>());
        let expected = plain(texts.into_iter().map(|(text, _)| text));
        let texts = Texts::open(path).unwrap();
        prop_assert_eq!(texts.len(), expected.len());
        for (a, b) in cuts {
            let (a, b) = (a.index(expected.len() + 1), b.index(expected.len() + 1));
            let range = a.min(b)..a.max(b);
            prop_assert_eq!(&texts.read(range.clone()).unwrap(), &expected[range]);
        }
    }
}
