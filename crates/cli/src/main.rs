//! The meshlift binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshlift_cli::run(std::env::args_os())
}
