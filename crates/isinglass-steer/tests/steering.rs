//! Steering by file and by value, on the tiny model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::collections::BTreeMap;

use isinglass_core::site::resid_post;
use isinglass_core::{Direction, Run, RunError, device, edit};
use isinglass_formats::{NewTensor, save_safetensors};
use isinglass_model::Model;
use isinglass_steer::{ArgumentError, Steer, SteerArgument};
use isinglass_testkit::{assert_close, values};

fn tiny() -> Model {
    Model::load("tiny", &device("cpu").unwrap()).unwrap()
}

#[test]
fn a_vector_in_a_file_steers_like_the_edit_it_stands_for() {
    let (model, folder) = (tiny(), tempfile::tempdir().unwrap());
    let path = folder.path().join("d.safetensors");
    let vector: Vec<f32> = (0..32_u8).map(|i| f32::from(i) / 16.0 - 1.0).collect();
    let tensors = BTreeMap::from([("v".to_owned(), NewTensor::new([32], vector.clone()))]);
    save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
    let argument: SteerArgument = format!("{}:v@blocks.2.resid_post*3", path.display()).parse().unwrap();
    let batch = model.tokenize(["some text", "other"]).unwrap();
    let steered = model.run(&batch, argument.load().unwrap()).unwrap();
    let edited = model
        .run(
            &batch,
            edit(resid_post(2), |x| {
                let v = isinglass_core::Tensor::<1>::from_floats(vector.as_slice(), &x.device());
                x + v.unsqueeze::<3>() * 3.0
            }),
        )
        .unwrap();
    assert_close(&values(steered), &values(edited), 1e-5, 1e-6, "logits");
    let missing: SteerArgument = format!("{}:w@blocks.2.resid_post*3", path.display()).parse().unwrap();
    assert!(matches!(missing.load(), Err(ArgumentError::Format(_))));
}

#[test]
fn a_vector_of_another_width_is_an_error() {
    let direction = Direction { site: resid_post(1).id(), vector: vec![1.0; 7], how: String::new() };
    let model = tiny();
    let error = model.run(&model.tokenize(["ab"]).unwrap(), Steer::add(&direction, 1.0).unwrap()).unwrap_err();
    assert!(matches!(error, RunError::Reshaped { .. }));
    assert_eq!(
        error.to_string(),
        "the hook at `blocks.1.hook_resid_post` returned shape [1, 2, 7], it must return [1, 2, 32]"
    );
}
