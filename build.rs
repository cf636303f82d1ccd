//! Brings the pages' scripts and style sheets into the binary.
//!
//! What comes from npm is installed in `OUT_DIR`, from the committed lock and without running any package's scripts;
//! the tree is never written to. Every file is compressed here, once, with brotli and gzip (zstd is left out: each
//! browser that takes it takes brotli too, which is smaller). The result is a table that `src/web/assets.rs` includes.
//!
//! `TICKWIRE_BUILD_NPM_DIR` names a directory that holds a `node_modules` already: then npm is not run at all.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// From `node_modules`: the file, and the path under which the pages ask for it.
const FROM_NPM: [(&str, &str); 4] = [
    ("htmx.org/dist/htmx.esm.min.js", "vendor/htmx.js"),
    ("apexcharts/dist/apexcharts.esm.js", "vendor/apexcharts.js"),
    (
        "swagger-ui-dist/swagger-ui-bundle.js",
        "vendor/swagger-ui.js",
    ),
    ("swagger-ui-dist/swagger-ui.css", "vendor/swagger-ui.css"),
];

fn main() {
    if let Err(error) = run() {
        eprintln!("tickwire build: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=static");
    println!("cargo:rerun-if-env-changed=TICKWIRE_BUILD_NPM_DIR");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let own = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("static");

    let modules = match env::var_os("TICKWIRE_BUILD_NPM_DIR") {
        Some(dir) => PathBuf::from(dir).join("node_modules"),
        None => install(&own, &out.join("npm"))?,
    };
    let mut files = own_files(&own)?;
    for (file, path) in FROM_NPM {
        files.push((path.to_owned(), modules.join(file)));
    }
    files.sort();
    write_table(&files, &out)
}

/// Runs `npm ci` in `dir`, unless it has been run there with the same lock. Answers with its `node_modules`.
fn install(own: &Path, dir: &Path) -> Result<PathBuf> {
    let modules = dir.join("node_modules");
    let stamp = dir.join("installed.lock");
    let lock = fs::read(own.join("package-lock.json"))?;
    if modules.is_dir() && fs::read(&stamp).is_ok_and(|done| done == lock) {
        return Ok(modules);
    }
    fs::create_dir_all(dir)?;
    fs::copy(own.join("package.json"), dir.join("package.json"))?;
    fs::write(dir.join("package-lock.json"), &lock)?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"])
        .current_dir(dir)
        .output()
        .map_err(|error| {
            format!(
                "npm could not be started ({error}); install Node.js with npm, or set TICKWIRE_BUILD_NPM_DIR to a \
                 directory whose node_modules holds what static/package-lock.json lists"
            )
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`npm ci` failed in {} ({}); without a network, set TICKWIRE_BUILD_NPM_DIR\n{said}",
            dir.display(),
            output.status
        )
        .into());
    }
    fs::write(stamp, lock)?;
    Ok(modules)
}

/// The files of `static/` that browsers ask for, with their names.
fn own_files(own: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(own)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if content_type(&name).is_some() {
            files.push((name.into_owned(), path));
        }
    }
    Ok(files)
}

fn content_type(name: &str) -> Option<&'static str> {
    match Path::new(name).extension()?.to_str()? {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Compresses each file and writes `assets.rs`.
fn write_table(files: &[(String, PathBuf)], out: &Path) -> Result<()> {
    let cache = out.join("compressed");
    fs::create_dir_all(&cache)?;
    let mut rows = String::new();
    let mut all = FNV_START;
    for (path, file) in files {
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = format!("{:016x}", fnv(FNV_START, &bytes));
        all = fnv(fnv(all, path.as_bytes()), &bytes);
        let identity = kept(&cache.join(&name), || Ok(bytes.clone()))?;
        let br = kept(&cache.join(format!("{name}.br")), || brotli(&bytes))?;
        let gzip = kept(&cache.join(format!("{name}.gz")), || gzip(&bytes))?;
        let kind = content_type(path).ok_or_else(|| format!("{path}: no content type"))?;
        writeln!(
            rows,
            "    Asset {{ path: {path:?}, content_type: {kind:?}, identity: include_bytes!({identity:?}), \
             br: include_bytes!({br:?}), gzip: include_bytes!({gzip:?}) }},"
        )?;
    }
    let table = format!(
        "/// One hash over every asset: it changes when any of them does.\n\
         pub const HASH: &str = \"{all:016x}\";\n\
         static ASSETS: &[Asset] = &[\n{rows}];\n"
    );
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// The file at `path`, made by `make` if it is not there yet; its name carries its content's hash.
fn kept(path: &Path, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<PathBuf> {
    if !path.is_file() {
        let partial = path.with_extension("partial");
        fs::write(&partial, make()?)?;
        fs::rename(partial, path)?;
    }
    Ok(path.to_owned())
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &params)?;
    Ok(out)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: names content; guards against nothing.
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
