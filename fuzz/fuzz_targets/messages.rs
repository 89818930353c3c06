//! Lists as protobuf, of any bytes: read, or refused.
#![no_main]

use meshlift_snapshot::live::{ListPages, is_read_as_protobuf};
use meshlift_model::k8s::KINDS;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let page = [b"k8s\0", bytes].concat();
    for kind in KINDS.iter().filter(|kind| is_read_as_protobuf(kind.resource)) {
        let _ = ListPages::peek(&page);
        let _ = ListPages::new(kind.resource, "fuzz").add(&page);
    }
});
