//! The stand-in's process: `meshlift-istiod-standin KUBECONFIG SOCKET`, inside a cluster's namespaces.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kubeconfig, socket] = arguments.as_slice() else {
        eprintln!("usage: meshlift-istiod-standin KUBECONFIG SOCKET");
        return ExitCode::from(2);
    };
    match meshlift_istiod_standin::run(Path::new(kubeconfig), Path::new(socket)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "{error}: {}",
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
            );
            ExitCode::from(2)
        }
    }
}
