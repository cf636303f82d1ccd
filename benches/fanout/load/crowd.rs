//! All clients of a run, on one epoll: reads what comes, and knows when a tick has reached everyone.

use std::{
    collections::VecDeque,
    io::{self, Read as _},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

use super::{
    client::{Client, Role, Stage},
    scan::{CARRY, FIRST, Scanner},
};
use crate::plan::Plan;

/// The most bytes of one read.
const READ: usize = 64 << 10;
/// Connections that may wait for the head of their answer.
const OPENING: usize = 512;
/// Answers are waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
/// What epoll calls the publisher.
const FEED: u64 = u64::MAX;

/// What has happened since the crowd came.
#[derive(Default)]
pub struct Counts {
    /// Events that readers and passing clients got.
    pub events: u64,
    /// Bytes that came after the heads.
    pub bytes: u64,
    pub broken: u64,
    /// Faults of those that are gone.
    lost: u64,
    doubled: u64,
    pub joined: u64,
    pub left: u64,
}

/// A tick on its way.
struct Tick {
    /// The number after its last event.
    end: u32,
    sent: Instant,
}

/// All clients.
pub struct Crowd {
    plan: Plan,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    scanner: Scanner,
    clients: Vec<Option<Client>>,
    /// Passing clients, oldest first, and places that they have left.
    passing: VecDeque<usize>,
    free: Vec<usize>,
    /// Clients whose answer has not begun.
    opening: usize,
    /// Readers that are still connected, and how many of them have the whole tick.
    readers: usize,
    done: usize,
    tick: Option<Tick>,
    /// Delays in microseconds, one for each reader and tick.
    pub delays: Vec<u32>,
    pub counts: Counts,
}

impl Crowd {
    /// Nobody yet; `feed` is watched for answers.
    pub fn new(plan: Plan, feed: impl AsFd) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(FEED);
        epoll::add(&epoll, feed, data, epoll::EventFlags::IN)?;
        Ok(Self {
            plan,
            epoll,
            ready: Vec::with_capacity(1024),
            buffer: vec![0; CARRY + READ],
            scanner: Scanner::default(),
            clients: Vec::new(),
            passing: VecDeque::new(),
            free: Vec::new(),
            opening: 0,
            readers: 0,
            done: 0,
            tick: None,
            delays: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// Connects so many and waits until all are answered.
    pub fn gather(&mut self, role: Role, number: usize) -> io::Result<()> {
        let begun = Instant::now();
        for _ in 0..number {
            self.join(role)?;
            while self.opening > OPENING {
                self.poll(Duration::from_millis(1))?;
                patient(begun)?;
            }
        }
        while self.opening > 0 {
            self.poll(Duration::from_millis(1))?;
            patient(begun)?;
        }
        Ok(())
    }

    /// Connects one.
    pub fn join(&mut self, role: Role) -> io::Result<()> {
        let at = self.free.pop().unwrap_or(self.clients.len());
        let mut client = Client::connect(&self.plan, at, role)?;
        if role == Role::Reader {
            client.sequence.next = Some(FIRST);
            self.readers += 1;
        }
        let data = epoll::EventData::new_u64(at as u64);
        epoll::add(&self.epoll, &client.socket, data, epoll::EventFlags::IN)?;
        if at == self.clients.len() {
            self.clients.push(None);
        }
        self.clients[at] = Some(client);
        self.opening += 1;
        if role == Role::Passing {
            self.passing.push_back(at);
            self.counts.joined += 1;
        }
        Ok(())
    }

    /// The passing client that has been there longest goes.
    pub fn leave(&mut self) {
        let Some(at) = self.passing.pop_front() else {
            return;
        };
        self.counts.left += u64::from(self.clients[at].is_some());
        self.remove(at);
        self.free.push(at);
    }

    fn remove(&mut self, at: usize) {
        if let Some(client) = self.clients[at].take() {
            self.opening -= usize::from(!matches!(client.stage, Stage::Open));
            self.readers -= usize::from(client.role == Role::Reader);
            self.counts.lost += client.sequence.lost;
            self.counts.doubled += client.sequence.doubled;
        }
    }

    /// A tick was published whose events end before the number `end`.
    pub fn expect(&mut self, end: u32, sent: Instant) {
        self.tick = Some(Tick { end, sent });
        self.done = 0;
    }

    /// Whether every reader has the whole tick.
    pub fn is_done(&self) -> bool {
        self.done >= self.readers
    }

    /// Reads what has come, after waiting for it at most so long. Returns whether the publisher has answers to read.
    pub fn poll(&mut self, timeout: Duration) -> io::Result<bool> {
        let mut ready = std::mem::take(&mut self.ready);
        let timeout = Timespec {
            tv_sec: timeout.as_secs() as _,
            tv_nsec: timeout.subsec_nanos() as _,
        };
        let waited = epoll::wait(&self.epoll, spare_capacity(&mut ready), Some(&timeout));
        if let Err(error) = waited
            && error != rustix::io::Errno::INTR
        {
            return Err(error.into());
        }
        let mut feed = false;
        for event in ready.drain(..) {
            match event.data.u64() {
                FEED => feed = true,
                at => self.read(at as usize),
            }
        }
        self.ready = ready;
        Ok(feed)
    }

    fn read(&mut self, at: usize) {
        let Some(client) = &mut self.clients[at] else {
            return;
        };
        let read = client.socket.read(&mut self.buffer[CARRY..]);
        let n = match read {
            Ok(n) if n > 0 => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            _ => return self.lose(at),
        };
        if matches!(client.stage, Stage::Open) {
            self.events(at, n);
            return;
        }
        match client.open(&self.plan, &self.buffer[CARRY..CARRY + n]) {
            Ok(None) => {}
            Ok(Some(after)) => {
                self.opening -= 1;
                if client.role == Role::Stalled {
                    let _ = epoll::delete(&self.epoll, &client.socket);
                    return;
                }
                self.buffer[CARRY..CARRY + after.len()].copy_from_slice(&after);
                self.events(at, after.len());
            }
            Err(_) => self.lose(at),
        }
    }

    /// Takes `n` bytes of events out of the buffer.
    fn events(&mut self, at: usize, n: usize) {
        let Some(client) = &mut self.clients[at] else {
            return;
        };
        let from = CARRY - client.carried;
        self.buffer[from..CARRY].copy_from_slice(&client.carry[..client.carried]);
        let bytes = &self.buffer[from..CARRY + n];
        let (sequence, counts) = (&mut client.sequence, &mut self.counts);
        let before = sequence.next;
        let rest = self.scanner.numbers(bytes, |number| {
            counts.events += u64::from(sequence.take(number));
        });
        client.carry[..rest].copy_from_slice(&bytes[bytes.len() - rest..]);
        client.carried = rest;
        counts.bytes += n as u64;
        let Some(tick) = &self.tick else {
            return;
        };
        let has_it = |next: Option<u32>| next.is_some_and(|next| next >= tick.end);
        if client.role == Role::Reader && !has_it(before) && has_it(client.sequence.next) {
            self.done += 1;
            let delay = tick.sent.elapsed().as_micros();
            self.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }

    fn lose(&mut self, at: usize) {
        self.counts.broken += 1;
        self.remove(at);
    }

    /// Events lost and doubled, if `end` follows the last one published.
    pub fn faults(&self, end: u32) -> (u64, u64) {
        let clients = self.clients.iter().flatten();
        let of_one = clients.filter(|c| c.role != Role::Stalled).map(|client| {
            let sequence = &client.sequence;
            let missing = match client.role {
                Role::Reader => u64::from(end - sequence.next.unwrap_or(end).min(end)),
                _ => 0,
            };
            (sequence.lost + missing, sequence.doubled)
        });
        let gone = (self.counts.lost, self.counts.doubled);
        of_one.fold(gone, |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

fn patient(begun: Instant) -> io::Result<()> {
    if begun.elapsed() > PATIENCE {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "not all clients were answered in time",
        ));
    }
    Ok(())
}
