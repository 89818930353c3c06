//! Prints the mesh of recordings as JSON: `cargo run -p meshlift-mesh --example dump before`.

use std::sync::Arc;
fn main() {
    for name in std::env::args().skip(1) {
        let s = meshlift_snapshot::fixtures::cluster(&name).unwrap();
        let m = meshlift_mesh::Mesh::derive(Arc::new(s));
        println!("{}", serde_json::to_string_pretty(&m).unwrap());
    }
}
