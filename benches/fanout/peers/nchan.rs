//! nginx with nchan, out of Debian's packages: unpacked under target/, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::bail;

use crate::debian;

/// The programs themselves.
const PACKAGES: [&str; 2] = ["nginx", "libnginx-mod-nchan"];
/// What nginx is linked with and a machine may not have.
const LIBRARIES: [&str; 4] = ["libcrypt1", "libpcre2-8-0", "libssl3", "zlib1g"];

/// nchan, in its package.
const MODULE: &str = "usr/lib/nginx/modules/ngx_nchan_module.so";

/// The unpacked packages.
#[derive(Clone)]
pub struct Nchan {
    root: PathBuf,
    /// "nginx 1.22.1, nchan 1:1.3.6".
    pub version: String,
}

impl Nchan {
    /// What is unpacked in `folder`, or is now fetched into it.
    pub fn get(folder: &Path) -> anyhow::Result<Self> {
        let root = folder.join("root");
        let versions = folder.join("versions");
        if !versions.exists() {
            debian::fetch(folder, &PACKAGES)?;
            if !runs(&root) {
                debian::fetch(folder, &LIBRARIES)?;
            }
            if !runs(&root) {
                bail!("the unpacked nginx does not start on this machine");
            }
            relocate(&root.join(MODULE))?;
            let names = fs::read_to_string(folder.join("fetched"))?;
            let ours = names
                .lines()
                .filter(|l| PACKAGES.iter().any(|p| l.starts_with(p)));
            fs::write(&versions, ours.collect::<Vec<_>>().join(", "))?;
        }
        Ok(Self {
            root,
            version: fs::read_to_string(&versions)?,
        })
    }

    /// The command that serves on `port` with files in `folder`.
    pub fn command(&self, folder: &Path, port: u16) -> anyhow::Result<Command> {
        let config = folder.join("nginx.conf");
        fs::write(&config, self.config(folder, port))?;
        let mut command = nginx(&self.root);
        command.arg("-p").arg(folder).arg("-c").arg(&config);
        command.arg("-e").arg("stderr");
        Ok(command)
    }

    /// One worker; nothing logged; kept-alive connections that do not end by count.
    fn config(&self, folder: &Path, port: u16) -> String {
        let module = self.root.join(MODULE);
        // As root, nginx would give its worker to nobody, who cannot use our folder.
        let user = if rustix::process::geteuid().is_root() {
            "user root;\n"
        } else {
            ""
        };
        let (module, folder) = (module.display(), folder.display());
        format!(
            "load_module {module};
{user}daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile {files};
error_log stderr crit;
events {{
    worker_connections {files};
    use epoll;
    multi_accept on;
}}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 128m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /publish {{
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 1000;
        }}
        location = /events {{
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
",
            files = crate::machine::most_files(),
        )
    }
}

/// nginx out of `root`, with its libraries.
fn nginx(root: &Path) -> Command {
    let mut command = Command::new(root.join("usr/sbin/nginx"));
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["usr/lib", "lib"].map(|lib| root.join(lib).join(&triplet));
    if folders.iter().any(|folder| folder.exists()) {
        let path = folders.map(|folder| folder.display().to_string()).join(":");
        command.env("LD_LIBRARY_PATH", path);
    }
    command
}

fn runs(root: &Path) -> bool {
    let output = nginx(root).arg("-v").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// Makes the folder for temporary files that is built into the module a relative one, of the same length: it is made at
/// the start, outside target/, and the directive that should choose another (`nchan_message_temp_path`) is refused as a
/// duplicate wherever it stands (1.3.6).
fn relocate(module: &Path) -> anyhow::Result<()> {
    const BUILT_IN: &[u8] = b"/var/lib/nginx/";
    const RELATIVE: &[u8] = b".//////////////";
    let mut bytes = fs::read(module)?;
    let found: Vec<usize> = memchr::memmem::find_iter(&bytes, BUILT_IN).collect();
    for at in found {
        bytes[at..at + BUILT_IN.len()].copy_from_slice(RELATIVE);
    }
    Ok(fs::write(module, bytes)?)
}
