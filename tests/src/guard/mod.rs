//! Readers of the workspace's files for the guard tests.
//!
//! They read sources and build nothing, so the guards take a second and see code of every feature.

pub mod choices;
pub mod circles;
pub mod manifest;
pub mod markdown;
pub mod names;
pub mod published;
pub mod rust;
pub mod spanish;
pub mod tokens;
pub mod tree;
