//! Directions go back into the model as hooks.
//!
//! Use this crate when you have a [`Direction`](isinglass_core::Direction) and ask what happens if the model is pushed
//! along it. It does not know how the direction was found.

mod argument;
mod file;
mod steer;

pub use argument::{ArgumentError, SteerArgument};
pub use file::{DirectionFileError, Directions, Numbering, load_control_vector, save_control_vector};
pub use steer::{At, NotAStream, Steer};
