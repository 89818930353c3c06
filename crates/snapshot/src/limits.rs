//! Limits: what a file may ask of the machine that reads it.

/// Version of meshlift's own file format that this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Largest file that is opened at all. A kubectl list of 50,000 injected pods is about 450 MB.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// Most bytes that one snapshot file may unpack to, over all frames. Trimmed pods are about 5 kB each, so
/// this is a mesh of 100,000 pods; a file that unpacks to more was made to exhaust the reader.
pub const UNPACKED_BYTES_MAX: u64 = 1 << 29;

/// Longest line of a frame. The API server refuses objects over 3 MB; one istiod's answers for 40,000 proxies
/// stay below this too. It bounds the memory that a hostile frame can take.
pub const LINE_BYTES_MAX: usize = 1 << 24;

/// Largest rendered manifest. Istio's own are about 1 MB, nearly all of it CRD schemas.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 26;
