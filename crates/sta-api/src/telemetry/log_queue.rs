//! A queue of log lines for stderr. A separate thread writes them, so a slow reader of stderr blocks no other thread. A
//! line that cannot be written is dropped and counted.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    time::Duration,
};

/// The most bytes that wait to be written.
const ROOM: usize = 1024 * 1024;
/// The longest wait for the last lines when the process ends.
const FLUSH: Duration = Duration::from_secs(1);

/// The sending end of the queue, shared by its clones. Each write is a whole line.
#[derive(Clone)]
pub(crate) struct LogQueue {
    queue: Sender<Entry>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// The bytes that wait.
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

enum Entry {
    Line(Vec<u8>),
    /// Answered when all lines before it are written or dropped.
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// The system gives no more threads.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, entries) = channel();
        let counts = Arc::new(Counts::default());
        let lines = Self { queue, counts: Arc::clone(&counts) };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(out, &entries, &counts))?;
        Ok(lines)
    }

    /// The number of lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Waits until the lines so far are written or dropped, for a second at most.
    pub(crate) fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.queue.send(Entry::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(FLUSH);
        }
    }
}

impl Write for LogQueue {
    /// Never fails: `tracing-subscriber` cannot report the error.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let counts = &self.counts;
        let waiting = counts.waiting.fetch_add(line.len(), Ordering::Relaxed) + line.len();
        if waiting > ROOM || self.queue.send(Entry::Line(line.to_vec())).is_err() {
            counts.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes each entry until all senders are dropped.
fn write(mut out: impl Write, entries: &Receiver<Entry>, counts: &Counts) {
    // A full disk can take a part of a line: the next write then begins with a newline.
    let mut torn = false;
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                let begin: &[u8] = if torn { b"\n" } else { b"" };
                match write_whole(&mut out, &[begin, &line].concat()) {
                    Ok(()) => torn = false,
                    Err(written) => {
                        torn |= written > 0;
                        counts.dropped.fetch_add(1, Ordering::Relaxed);
                    }
                }
                counts.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            }
            Entry::Flush(done) => drop(done.send(())),
        }
    }
}

/// Writes all bytes, or returns the number of those that were written.
fn write_whole(out: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};

    /// A disk with a little space.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn with_space<T>(&self, space: usize, run: impl FnOnce() -> T) -> T {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = space;
            run()
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let fits = bytes.len().min(disk.1);
            if fits == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            disk.1 -= fits;
            disk.0.extend_from_slice(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_after_a_full_disk_begin_on_a_line_of_their_own() {
        let disk = Disk::default();
        let mut lines = LogQueue::start(disk.clone()).unwrap();
        let mut write = |space, line: &str| {
            disk.with_space(space, || lines.write_all(line.as_bytes()).unwrap());
            LogQueue::flush(&lines);
        };
        write(100, "one\n");
        write(3, "second\n");
        write(0, "third\n");
        write(100, "fourth\n");
        write(100, "fifth\n");
        assert_eq!(disk.text(), "one\nsec\nfourth\nfifth\n");
        assert_eq!(lines.dropped(), 2);
    }

    #[test]
    fn lines_that_wait_have_a_bound_in_bytes() {
        let disk = Disk::default();
        let mut lines = LogQueue::start(disk.clone()).unwrap();
        let held = disk.0.lock().unwrap();
        let line = vec![b'x'; ROOM / 4];
        for _ in 0..6 {
            lines.write_all(&line).unwrap();
        }
        assert_eq!(lines.dropped(), 2, "four fill the room");
        drop(held);
    }
}
