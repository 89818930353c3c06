//! Limits: what a file may ask of the machine that reads it.

/// Version of meshlift's own file format that this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 3;

/// Largest file that is opened at all. A kubectl list of 50,000 injected pods is about 450 MB.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// Most bytes that one snapshot file may unpack to, over all frames. A trimmed pod and what belongs to it are about 8 kB,
/// so this is a mesh of 130,000 pods.
pub const UNPACKED_BYTES_MAX: u64 = 1 << 30;

/// How many times its own length a file may unpack to. Recordings reach 15, a thousand equal pods 60;
/// deflate allows 1,000, which only a file that was made to exhaust its reader needs.
pub const UNPACKED_RATIO_MAX: u64 = 200;

/// What any file may unpack to, however short it is.
pub const UNPACKED_BYTES_FREE: u64 = 1 << 23;

/// Most objects of one list, or of one file, that may be broken. More than that is no snapshot with a flaw,
/// and each problem takes memory.
pub const PROBLEMS_MAX: usize = 1000;

/// Longest line of a frame. The API server refuses objects over 3 MB; one istiod's answers for 100,000
/// proxies stay below this too. It bounds the memory that a hostile frame can take.
pub const LINE_BYTES_MAX: usize = 1 << 26;

/// Largest rendered manifest. Istio's own are about 1 MB, nearly all of it CRD schemas.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 26;
