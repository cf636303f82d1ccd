//! tickwire as its clients see it: the real server on port 0, driven through its public door.
//!
//! One module a topic; `support` holds the clients. Tests wait for events and never sleep.

mod alerts;
mod annotations;
mod arrows;
mod backtest;
mod batching;
mod clock;
mod command_line;
mod crash;
mod damage;
mod dead_peers;
mod echo;
mod export;
mod filters;
mod forms;
#[cfg(target_os = "linux")]
mod full_disk;
mod history;
mod hostile;
mod hostile_frames;
mod hostile_load;
mod hour;
mod ingest;
mod lifecycle;
mod limits;
mod mistakes;
mod notify;
mod operations;
mod past;
mod pause;
mod playback;
mod power;
mod reset;
mod restart;
mod resume;
mod rules;
mod safety;
mod shapes;
mod silences;
mod slow_reader;
mod slow_socket;
mod snapshots;
mod socket;
mod socket_cbor;
mod socket_faults;
mod socket_life;
mod sse;
mod support;
mod survival;
mod timestamps;
mod vanished;
mod wait;
