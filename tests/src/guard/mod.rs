//! What the guard tests look at: the files of the workspace, and what is written in them.
//!
//! Nothing here runs or builds the workspace. The guards read sources, so that they take a second and judge code that
//! is compiled only under some feature, too.

pub mod circles;
pub mod manifest;
pub mod markdown;
pub mod names;
pub mod published;
pub mod rust;
pub mod spanish;
pub mod tokens;
pub mod tree;
