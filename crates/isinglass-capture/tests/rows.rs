//! Rows of a capture are those of the full activations, whatever the batching.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::error::Error;

use isinglass_capture::{Capture, CaptureError, Pos, RowOrigin, Stage, passages};
use isinglass_core::site::{mlp_post, pattern, resid_post, z};
use isinglass_core::{Cached, Generate, Passage, Run, Sampler, SiteId, TokenBatch, device};
use isinglass_model::{ChatEnd, Message, Model};
use isinglass_testkit::assert_close;

fn tiny() -> Model {
    Model::load("tiny", &device("cpu").unwrap()).unwrap()
}

/// Texts of many lengths, whose token 1 is special, with a span or two.
fn texts() -> Vec<Passage> {
    let text = |n: u32| {
        let ids: Vec<u32> = std::iter::once(1).chain((0..n).map(|i| 2 + (i * 37 + n * 11) % 250)).collect();
        let (len, half) = (ids.len(), ids.len() / 2);
        let passage = Passage::new(ids).unwrap().with_specials([1]);
        passage.with_span("part", half..len).unwrap().with_span("part", 1..2).unwrap()
    };
    [9, 2, 17, 5, 5, 1, 30].map(text).to_vec()
}

/// The activation of a text alone, position after position.
fn alone(model: &Model, text: &Passage) -> Vec<Vec<f32>> {
    let cache = model.cache(&TokenBatch::one(text.ids()).unwrap(), resid_post(1)).unwrap();
    let x = cache.get(resid_post(1)).unwrap().clone();
    let width = x.dims()[2];
    let values: Vec<f32> = x.into_data().iter::<f32>().collect();
    values.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

fn mean(rows: &[Vec<f32>]) -> Vec<f32> {
    (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i]).sum::<f32>() / rows.len() as f32).collect()
}

/// Rows of every text by a rule, against rows of each text alone that `expected` picks by position.
fn check(capture: &Capture, expected: impl Fn(&[Vec<f32>]) -> Vec<(usize, Vec<f32>)>) {
    let model = tiny();
    // From one text a batch to all in one, from one text a shard to all in one.
    for (batch, shard) in [(1, 1), (300_000, 20), (u64::MAX, usize::MAX)] {
        let capture = capture.clone().batch_bytes(batch).shard_tokens(shard);
        let captured = capture.rows(&model, &texts(), |_| {}).unwrap();
        let rows = captured.rows(resid_post(1)).unwrap();
        let mut found = (0..rows.len()).map(|i| (captured.origins()[i], rows.row(i)));
        for (text, passage) in texts().iter().enumerate() {
            for (pos, row) in expected(&alone(&model, passage)) {
                let (origin, values) = found.next().unwrap();
                assert_eq!((origin.text, origin.pos, origin.token), (text, pos, passage.ids()[pos]));
                assert_close(values, &row, 1e-5, 1e-5, "row");
            }
        }
        assert!(found.next().is_none());
        assert_eq!(captured.rows(z(3)).unwrap().width(), 32);
        assert_eq!(captured.rows(z(3)).unwrap().len(), rows.len());
    }
}

#[test]
fn rows_are_those_of_each_text_alone() {
    let capture = |pos| Capture::new([resid_post(1).id(), z(3).id()], pos);
    check(&capture(Pos::Last), |x| vec![(x.len() - 1, x[x.len() - 1].clone())]);
    check(&capture(Pos::Each), |x| (1..x.len()).map(|pos| (pos, x[pos].clone())).collect());
    check(&capture(Pos::Each).with_special_tokens(), |x| x.iter().cloned().enumerate().collect());
    check(&capture(Pos::First(3)), |x| (1..x.len().min(4)).map(|pos| (pos, x[pos].clone())).collect());
    check(&capture(Pos::Mean), |x| vec![(x.len() - 1, mean(&x[1..]))]);
    check(&capture(Pos::Mean).with_special_tokens(), |x| vec![(x.len() - 1, mean(x))]);
    let half = |x: &[Vec<f32>]| x.len() / 2;
    check(&capture(Pos::Mean).of("part"), |x| vec![(x.len() - 1, mean(&x[half(x)..])), (1, x[1].clone())]);
    check(&capture(Pos::Last).of("part"), |x| vec![(x.len() - 1, x[x.len() - 1].clone()), (1, x[1].clone())]);
    check(&capture(Pos::TurnBoundary).of("part"), |x| vec![(half(x) - 1, x[half(x) - 1].clone()), (0, x[0].clone())]);
}

#[test]
fn a_mean_says_of_how_many_tokens() {
    let captured = Capture::new(resid_post(0), Pos::Mean).rows(&tiny(), &texts(), |_| {}).unwrap();
    let n: Vec<usize> = captured.origins().iter().map(|origin| origin.n_tokens).collect();
    assert_eq!(n, [9, 2, 17, 5, 5, 1, 30]);
}

#[test]
fn generated_tokens_are_a_span() {
    let model = tiny();
    let sampler = Sampler::new(5, 3).temperature(1.0).ignore_end();
    let capture = Capture::new(resid_post(1), Pos::First(2)).of("generated").generating(sampler.clone());
    let captured = capture.rows(&model, &texts(), |_| {}).unwrap();
    assert_eq!(captured.origins().len(), 2 * texts().len());
    for (text, passage) in texts().iter().enumerate() {
        let new = model.generate(&TokenBatch::one(passage.ids()).unwrap(), &sampler, ()).unwrap().remove(0).tokens;
        let whole = alone(&model, &passage.clone().continued("generated", &new));
        for (k, &token) in new.iter().take(2).enumerate() {
            let pos = passage.ids().len() + k;
            let origin = RowOrigin { text, pos, token, n_tokens: 1 };
            assert_eq!(captured.origins()[2 * text + k], origin);
            let row = captured.rows(resid_post(1)).unwrap().row(2 * text + k);
            assert_close(row, &whole[pos], 1e-5, 1e-5, "generated row");
        }
    }
}

/// What a model adds to a text may be nothing, and then there is nothing to keep.
#[test]
fn a_text_that_is_not_continued_has_no_row() {
    let model = tiny();
    let ended = model.generate(&TokenBatch::one([5]).unwrap(), &Sampler::new(0, 1), ()).unwrap();
    assert!(ended[0].tokens.is_empty());
    for pos in [Pos::Last, Pos::Mean, Pos::Each] {
        let capture = Capture::new(resid_post(1), pos).of("generated").generating(Sampler::new(0, 1));
        let rows = capture.rows(&model, &texts(), |_| {});
        match pos {
            Pos::Each => assert!(rows.unwrap().origins().is_empty()),
            // Asked for no token at all, there can be no last one.
            _ => assert!(rows.is_ok_and(|rows| rows.origins().is_empty())),
        }
    }
}

#[test]
fn a_chat_has_a_row_before_each_turn_of_the_assistant() {
    let model = tiny();
    let chat = [
        Message::user("Where is it?"),
        Message::new("assistant", "There."),
        Message::user("user"),
        Message::new("assistant", "assistant"),
        Message::user("Thanks."),
    ];
    let passage = model.chat_passage(&chat, ChatEnd::AssistantsTurn).unwrap();
    let text = "user: Where is it?\nassistant: There.\nuser: user\nassistant: assistant\nuser: Thanks.\nassistant: ";
    assert_eq!(passage.ids().len(), text.len());
    let texts = [passage];
    let captured = Capture::new(resid_post(1), Pos::TurnBoundary).rows(&model, &texts, |_| {}).unwrap();
    let at = |what: &str| text.find(what).unwrap() - 1;
    let expected = [at("There."), at("assistant\nuser: Thanks"), text.len() - 1];
    assert_eq!(captured.origins().iter().map(|origin| origin.pos).collect::<Vec<_>>(), expected);

    let turns = Capture::new(resid_post(1), Pos::Mean).of("user").rows(&model, &texts, |_| {}).unwrap();
    assert_eq!(turns.origins().iter().map(|origin| origin.n_tokens).collect::<Vec<_>>(), [12, 4, 7]);
}

#[test]
fn live_rows_are_the_rows() {
    use isinglass_core::{ActivationSource, Rows};
    let model = tiny();
    let all = texts();
    let capture = Capture::new(mlp_post(2), Pos::Each).shard_tokens(25).batch_bytes(200_000);
    let captured = capture.rows(&model, &all, |_| {}).unwrap();
    let mut live = capture.live(&model, &all).unwrap().batch_rows(7);
    assert_eq!(Rows::collect(mlp_post(2), &mut live).unwrap(), *captured.rows(mlp_post(2)).unwrap());
    let mut live = capture.live(&model, &all).unwrap().batch_rows(7);
    let mut origins = Vec::new();
    while let Some(batch) = live.next_batch().unwrap() {
        assert_eq!(batch.dims()[0], live.origins().len());
        origins.extend(live.origins().to_vec());
    }
    assert_eq!(origins, captured.origins());
    let two = Capture::new([resid_post(1), resid_post(2)], Pos::Last);
    assert!(matches!(two.live(&model, &all), Err(CaptureError::ManySites { found: 2 })));
}

#[test]
fn progress_goes_from_planning_to_the_last_text() {
    let mut seen = Vec::new();
    let capture = Capture::new(resid_post(1), Pos::Last).batch_bytes(300_000);
    capture.rows(&tiny(), &texts(), |progress| seen.push(progress)).unwrap();
    assert_eq!(seen[0].stage, Stage::Planning);
    let last = seen.last().unwrap();
    let n: usize = texts().iter().map(|text| text.ids().len()).sum();
    assert_eq!((last.stage, last.texts, last.of, last.tokens), (Stage::Running, 7, 7, n as u64));
}

#[test]
fn what_cannot_be_captured_is_refused_before_anything_runs() {
    let model = tiny();
    let refused = |capture: Capture, texts: &[Vec<u32>]| {
        let error = capture.rows(&model, texts, |p| assert_eq!(p.stage, Stage::Planning)).unwrap_err();
        let (mut message, mut cause) = (error.to_string(), error.source());
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        message
    };
    let plain = [vec![5, 6], vec![7]];
    let at = |site: SiteId, pos| Capture::new(site, pos);
    let last = || at(resid_post(1).id(), Pos::Last);
    assert!(refused(at(pattern(1).id(), Pos::Last), &plain).starts_with("site `blocks.1.attn.hook_pattern` holds a"));
    assert!(refused(at(resid_post(9).id(), Pos::Last), &plain).contains("has no site `blocks.9.hook_resid_post`"));
    assert_eq!(
        refused(last(), &[vec![1], vec![]]),
        "texts 0 to 1 cannot be had: text 1 cannot be run: a text needs at least one token"
    );
    assert_eq!(refused(last(), &[]), "there are no texts to capture");
    assert_eq!(
        refused(last(), &[vec![1], vec![1, 257]]),
        "text 1 has token id 257, ids go from 0 to 256: was it tokenised for another model?"
    );
    assert!(refused(last(), &[vec![1; 3000]]).starts_with("text 0 has 3000 tokens, the context of the model holds"));
    assert_eq!(refused(last().of("x"), &plain), "text 0 has no row: it has no span `x`: it has none");
    assert!(refused(last().generating(Sampler::new(3, 1).samples(2)), &plain).starts_with("2 samples per text"));
    assert!(refused(last().generating(Sampler::new(3, 1).temperature(-1.0)), &plain).contains("temperature"));
}

#[test]
fn texts_that_change_between_the_readings_are_noticed() {
    use std::cell::Cell;
    let readings = Cell::new(0);
    let texts = passages(3, |range| {
        readings.set(readings.get() + 1);
        range.map(|i| Ok(Passage::new([i as u32, readings.get()])?)).collect()
    });
    let error = Capture::new(resid_post(1), Pos::Last).rows(&tiny(), &texts, |_| {}).unwrap_err();
    assert!(matches!(error, CaptureError::TextsChanged { first: 0, last: 2 }), "{error}");
    let short = passages(3, |_| Ok(vec![Passage::new([5])?]));
    let error = Capture::new(resid_post(1), Pos::Last).rows(&tiny(), &short, |_| {}).unwrap_err();
    assert!(matches!(error, CaptureError::TextCount { found: 1, .. }), "{error}");
}
