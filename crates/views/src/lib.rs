//! What an adapter answers of a mesh, from objects alone: the same words for the twin and for a live cluster.
