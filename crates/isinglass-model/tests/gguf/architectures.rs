//! Every architecture, from files that the `gguf` package wrote (`tests/fixtures/gen/make_gguf.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use isinglass_formats::{Safetensors, TensorFile};
use isinglass_model::{LoadError, Specials};
use isinglass_testkit::assert_close;

use crate::{LOGITS, RTOL, load, logits};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf")
}

#[test]
fn files_of_the_gguf_package_give_the_reference_logits() {
    let expected = Safetensors::open(folder().join("expected.safetensors")).unwrap();
    let mut families = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "gguf") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let model = load(&path).unwrap();
        let ids = expected.get(&format!("{name}.input_ids")).unwrap().to_i64().unwrap();
        let actual = logits(&model, ids.into_iter().map(|id| u32::try_from(id).unwrap()).collect());
        let reference = expected.get(&format!("{name}.logits")).unwrap().to_f32().unwrap();
        assert_close(&actual, &reference, LOGITS, RTOL, name);
        families.push(model.decoder_spec().family.clone());
    }
    families.sort();
    families.dedup();
    assert_eq!(families, ["gemma", "gemma2", "gemma3", "gpt2", "llama", "phi3", "qwen2", "qwen3"]);
}

/// A file's keys and tensors are those of its architecture: under another name it is refused, not read somehow.
#[test]
fn no_architecture_is_taken_for_another() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("m.gguf");
    for from in ["llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "gpt2"] {
        let bytes = fs::read(folder().join(from).with_extension("gguf")).unwrap();
        for to in ["llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "gpt2"] {
            // Names of one length can stand for each other without moving anything; keys keep the old name.
            if from == to || from.len() != to.len() {
                continue;
            }
            let mut other = bytes.clone();
            let at = other.windows(20).position(|w| w == b"general.architecture").unwrap() + 20 + 4 + 8;
            assert_eq!(&other[at..at + from.len()], from.as_bytes());
            other[at..at + to.len()].copy_from_slice(to.as_bytes());
            fs::write(&path, other).unwrap();
            let error = load(&path).unwrap_err();
            assert!(matches!(error, LoadError::MissingConfigKey { .. }), "{from} as {to}: {error}");
        }
    }
}

/// How a tokenizer of its own library cuts text, the vocabulary in a GGUF cuts it (`make_tokenizers.py` beside it).
#[test]
fn vocabularies_cut_text_as_their_own_libraries_do() {
    let folder = folder().join("../tokenizers");
    let cases = fs::read(folder.join("cases.json")).unwrap();
    let cases: BTreeMap<String, Vec<(String, Vec<u32>, String)>> = serde_json::from_slice(&cases).unwrap();
    assert_eq!(cases.len(), 6);
    for (name, cases) in &cases {
        let model = load(&folder.join(format!("{name}.gguf"))).unwrap();
        let tokenizer = model.tokenizer().unwrap();
        assert!(cases.len() > 30);
        for (text, ids, decoded) in cases {
            assert_eq!(&tokenizer.encode(text, Specials::Skip).unwrap(), ids, "{name}: {text:?}");
            assert_eq!(&tokenizer.decode(ids, Specials::Skip).unwrap(), decoded, "{name}: {text:?}");
        }
        let with_bos = tokenizer.encode("a", Specials::Add).unwrap();
        let without = tokenizer.encode("a", Specials::Skip).unwrap();
        assert_eq!(with_bos.len() - without.len(), usize::from(name.starts_with("spm")), "{name}");
    }
}
