//! Which file systems are worth measuring, from /proc/self/mountinfo.
//!
//! Those that can fill up, each once: no pseudo file systems, no read-only images, no bind mounts of what is measured
//! already, nothing that lies hidden under a later mount.

/// A file system and where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The mount point.
    pub(super) path: String,
}

/// File systems that have no device of this machine and yet fill up.
const WITHOUT_DEVICE: [&str; 15] = [
    "zfs",
    "btrfs",
    "bcachefs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "glusterfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "9p",
    "virtiofs",
    "lustre",
    "beegfs",
];
/// Images: always full.
const IMAGES: [&str; 5] = ["squashfs", "iso9660", "erofs", "cramfs", "romfs"];
/// Files that container engines mount one by one.
const FILES_OF_CONTAINERS: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

/// One line of mountinfo, see proc_pid_mountinfo(5).
struct Line<'a> {
    device: &'a str,
    path: String,
    kind: &'a str,
    source: &'a str,
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    // The number of optional fields before " - " varies.
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ').skip(2);
    let device = head.next()?;
    let path = unescape(head.nth(1)?);
    let mut tail = tail.split(' ');
    Some(Line {
        device,
        path,
        kind: tail.next()?,
        source: tail.next()?,
    })
}

/// Blanks, tabs, line breaks and backslashes in paths are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let code = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if code.is_some() {
            rest = &tail[3..];
        }
        bytes.push(code.unwrap_or(*first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn worth_measuring(line: &Line<'_>) -> bool {
    !FILES_OF_CONTAINERS.contains(&line.path.as_str())
        && !IMAGES.contains(&line.kind)
        && (line.source.starts_with('/')
            || line.path == "/"
            || WITHOUT_DEVICE.contains(&line.kind)
            || (line.kind == "tmpfs" && line.path == "/tmp"))
}

/// The file systems worth measuring, in the order of their paths. Of several mounts of one file system the one with the
/// shortest path stands for all.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    let mut visible: Vec<Line<'_>> = Vec::new();
    for line in text.lines().filter_map(parse_line) {
        visible.retain(|earlier| earlier.path != line.path);
        visible.push(line);
    }
    visible.retain(worth_measuring);
    visible.sort_by(|a, b| (a.path.len(), &a.path).cmp(&(b.path.len(), &b.path)));
    let mut seen: Vec<&str> = Vec::new();
    let mut mounts = Vec::new();
    for line in visible {
        if !seen.contains(&line.device) {
            seen.push(line.device);
            mounts.push(Mount { path: line.path });
        }
    }
    mounts.sort_by(|a, b| a.path.cmp(&b.path));
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        parse(text).into_iter().map(|mount| mount.path).collect()
    }

    #[test]
    fn what_can_fill_up_is_measured() {
        let text = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24684092k
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 254:1 / /srv/my\\040data rw,relatime shared:2 master:1 - xfs /dev/mapper/vg-data rw
41 27 7:1 / /snap/core/1 ro,nodev - squashfs /dev/loop1 ro
42 27 0:50 / /tank rw - zfs tank rw
43 27 0:51 / /mnt/share rw - nfs4 server:/share rw
44 27 0:52 / /tmp rw - tmpfs tmpfs rw
";
        assert_eq!(
            paths(text),
            ["/", "/mnt/share", "/srv/my data", "/tank", "/tmp"]
        );
    }

    #[test]
    fn a_file_system_mounted_twice_counts_once() {
        let text = "\
40 27 254:1 /deep /var/lib/bound rw - ext4 /dev/vdb rw
41 27 254:1 / /data rw - ext4 /dev/vdb rw
42 27 254:1 /hosts /etc/hosts rw - ext4 /dev/vdb rw
";
        assert_eq!(paths(text), ["/data"]);
    }

    #[test]
    fn what_is_mounted_over_is_not_seen() {
        let text = "\
40 27 254:1 / /data rw - ext4 /dev/vdb rw
41 27 0:9 / /data rw - tmpfs tmpfs rw
";
        assert!(paths(text).is_empty());
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert!(paths("\n1 2 3\n- - -\n40 27 254:1 / /x rw - ext4\n").is_empty());
        assert_eq!(unescape(r"\1"), r"\1");
        assert_eq!(unescape(r"a\999"), r"a\999");
        assert_eq!(unescape(r"a\134b"), r"a\b");
    }
}
