//! Rows of a capture are those of the full activations, whatever the batching.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use isinglass_capture::{Capture, CaptureError, Pos};
use isinglass_core::site::{pattern, resid_post, z};
use isinglass_core::{Cached, Run, TokenBatch, device};
use isinglass_model::Model;
use isinglass_testkit::assert_close;

fn texts() -> Vec<Vec<u32>> {
    [9, 2, 17, 5, 5, 1].iter().map(|&n| (0..n).map(|i| (i * 37 + n * 11) % 250).collect()).collect()
}

#[test]
fn rows_equal_a_run_of_each_text_alone() {
    let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    for pos in [Pos::Last, Pos::Mean] {
        let capture = Capture::new([resid_post(1).id(), z(3).id()], pos).batch_tokens(24);
        let mut progress = Vec::new();
        let captured = capture.rows(&model, &texts(), |done| progress.push(done)).unwrap();
        assert_eq!(progress.last(), Some(&6));
        for (index, text) in texts().iter().enumerate() {
            let cache = model.cache(&TokenBatch::one(text.clone()).unwrap(), resid_post(1)).unwrap();
            let alone = cache.get(resid_post(1)).unwrap().clone();
            let [_, pos_count, width] = alone.dims();
            let expected = match pos {
                Pos::Mean => alone.mean_dim(1),
                _ => alone.narrow(1, pos_count - 1, 1),
            };
            let expected: Vec<f32> = expected.into_data().iter::<f32>().collect();
            assert_eq!(expected.len(), width);
            assert_close(captured.rows(resid_post(1)).unwrap().row(index), &expected, 1e-5, 1e-5, "row");
        }
        assert_eq!(captured.rows(z(3)).unwrap().width(), 32);
    }
}

#[test]
fn sites_without_rows_and_empty_texts_are_refused() {
    let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let rows = |capture: Capture, texts: &[Vec<u32>]| capture.rows(&model, texts, |_| {}).unwrap_err();
    let error = rows(Capture::new(pattern(1), Pos::Last), &texts());
    assert_eq!(error, CaptureError::NoRows { site: pattern(1).id() });
    let error = rows(Capture::new(resid_post(1), Pos::Last), &[vec![1], vec![]]);
    assert_eq!(error.to_string(), "row 1 is empty: a prompt needs at least one token");
    assert!(matches!(rows(Capture::new(resid_post(9), Pos::Last), &texts()), CaptureError::Run(_)));
}
