//! The project's own chores: `cargo xtask ci` is what CI runs.

#![allow(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod ci;
mod outside;

use std::{env, process::ExitCode};

const USAGE: &str = "\
usage: cargo xtask ci             run every step of CI in order, up to the first that fails
       cargo xtask ci STEP...     run these steps only
       cargo xtask ci --list      list the steps
       cargo xtask outside        build and run the README's example on the crates in target/package";

/// The exit code for a command line that makes no sense.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["--help" | "-h" | "help"] | ["ci", "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        ["ci", "--list"] => {
            for step in ci::STEPS {
                println!("{:<10}{}", step.name, step.about);
            }
            ExitCode::SUCCESS
        }
        ["ci", names @ ..] => match ci::steps(names) {
            Ok(steps) => match ci::run(&steps) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => {
                    eprintln!("error: {failure}");
                    ExitCode::from(failure.exit_code())
                }
            },
            Err(unknown) => {
                eprintln!("error: no step is called `{unknown}`; `cargo xtask ci --list` lists them");
                ExitCode::from(BAD_USAGE)
            }
        },
        ["outside"] => match outside::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("error: {message}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(BAD_USAGE)
        }
    }
}
