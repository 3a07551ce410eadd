//! A capture to test with.
#![allow(dead_code, reason = "each test uses some of it")]

use isinglass_capture::{Capture, Pos, Subject};
use isinglass_core::site::{mlp_post, resid_post};
use isinglass_core::{Passage, device};
use isinglass_model::Model;

pub(crate) fn model() -> Model {
    Model::load("tiny", &device("cpu").unwrap()).unwrap()
}

/// 60 texts of 1 to 24 tokens.
pub(crate) fn texts() -> Vec<Passage> {
    (0..60_u32)
        .map(|i| Passage::new((0..=i * 7 % 24).map(|k| (i * 31 + k * 17) % 250).collect::<Vec<_>>()).unwrap())
        .collect()
}

/// Every token of two sites, in shards of a few texts.
pub(crate) fn capture() -> Capture {
    Capture::new([resid_post(1).id(), mlp_post(2).id()], Pos::Each).shard_tokens(100).batch_bytes(400_000)
}

pub(crate) fn subject(model: &Model) -> Subject {
    Subject {
        model: "tiny".into(),
        weights_sha256: model.weights_sha256().unwrap(),
        tokenizer_sha256: None,
        device: "cpu".into(),
        data: "counting".into(),
        data_sha256: "0".repeat(64),
        licence: "CC0-1.0".into(),
        synthetic: true,
    }
}
