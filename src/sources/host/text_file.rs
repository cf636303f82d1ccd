//! A small file of the kernel that is read again and again into one buffer.

use std::{
    fs::File,
    io::{self, Read},
};

use crate::sources::SampleError;

/// The size a buffer starts with; most files of /proc are smaller.
const FIRST_BYTES: usize = 2048;

/// A file and the buffer for its text.
#[derive(Debug)]
pub(super) struct TextFile {
    path: &'static str,
    buffer: Vec<u8>,
}

impl TextFile {
    pub(super) const fn new(path: &'static str) -> Self {
        Self {
            path,
            buffer: Vec::new(),
        }
    }

    /// The text of the file now.
    pub(super) fn read(&mut self) -> Result<&str, SampleError> {
        let path = self.path;
        let bytes = read_all(path, &mut self.buffer).map_err(|cause| SampleError::Read {
            path: path.to_owned(),
            cause,
        })?;
        std::str::from_utf8(bytes).map_err(|_| nonsense(path))
    }

    /// As [`Self::read`], with `None` when this kernel has no such file.
    pub(super) fn read_if_there(&mut self) -> Result<Option<&str>, SampleError> {
        match self.read() {
            // A kernel with pressure accounting switched off has the files and refuses to read them.
            Err(SampleError::Read { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound
                    || cause.kind() == io::ErrorKind::Unsupported =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
            Ok(text) => Ok(Some(text)),
        }
    }

    /// The error for text that does not parse.
    pub(super) fn nonsense(&self) -> SampleError {
        nonsense(self.path)
    }
}

fn nonsense(path: &str) -> SampleError {
    SampleError::Format {
        path: path.to_owned(),
    }
}

/// Reads a whole file into `buffer`, whose memory is used again. Files of /proc have no size to ask for.
pub(super) fn read_all<'a>(path: &str, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
    let mut file = File::open(path)?;
    if buffer.is_empty() {
        buffer.resize(FIRST_BYTES, 0);
    }
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        match file.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(&buffer[..filled]),
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_larger_than_the_buffer_is_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "0123456789".repeat(1000);
        std::fs::write(file.path(), &text).unwrap();
        let mut buffer = Vec::new();
        let path = file.path().to_str().unwrap();
        assert_eq!(read_all(path, &mut buffer).unwrap(), text.as_bytes());
        std::fs::write(file.path(), "short").unwrap();
        assert_eq!(read_all(path, &mut buffer).unwrap(), b"short");
    }

    #[test]
    fn a_missing_file_is_no_fault_where_it_may_be_missing() {
        let mut file = TextFile::new("/proc/there is no such file");
        assert!(file.read_if_there().unwrap().is_none());
        assert!(file.read().is_err());
    }
}
