//! What more than one bench needs: programs out of Debian's packages, the machine, what the kernel says, numbers for people.
#![allow(dead_code, reason = "each bench needs some of it")]

pub mod debian;
pub mod machine;
pub mod measure;
pub mod numbers;
