//! Scripts, style sheets and the icon: compressed at build time, held in the binary, cached by browsers for good.
//!
//! All live under one directory, named after a hash over every one of them; so relative imports between modules work
//! as they are written, and a new build is a new set of addresses.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        self, AcceptEncoding, CacheControl, CacheDirective, ContentEncoding, Encoding, Header,
    },
    web,
};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// One file, in the three encodings it is sent in.
#[derive(Debug)]
pub struct Asset {
    /// Below `/assets/<hash>/`.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// As it is.
    pub identity: &'static [u8],
    /// Brotli, quality 11.
    pub br: &'static [u8],
    /// Gzip, level 9.
    pub gzip: &'static [u8],
}

/// The address of an asset, for templates. An address that does not exist answers 404, and a test looks for those.
pub fn url(path: &str) -> String {
    format!("/assets/{HASH}/{path}")
}

/// The asset at a path below the hash.
pub fn find(path: &str) -> Option<&'static Asset> {
    let found = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(found)
}

/// Adds `GET /assets/{hash}/{path}`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/assets/{hash}/{path:.*}", web::get().to(serve));
}

async fn serve(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, path) = path.into_inner();
    let Some(asset) = find(&path).filter(|_| hash == HASH) else {
        return HttpResponse::NotFound().finish();
    };
    let (body, encoding) = choose(asset, &request);
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.content_type)
        .insert_header(CacheControl(vec![
            CacheDirective::Public,
            CacheDirective::MaxAge(31_536_000),
            CacheDirective::Extension("immutable".to_owned(), None),
        ]))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if encoding != ContentEncoding::Identity {
        response.insert_header((header::CONTENT_ENCODING, encoding.as_str()));
    }
    response.body(body)
}

/// The smallest form that the client takes.
fn choose(asset: &'static Asset, request: &HttpRequest) -> (&'static [u8], ContentEncoding) {
    let offered = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
    let named = request.headers().contains_key(header::ACCEPT_ENCODING);
    let accepted = AcceptEncoding::parse(request)
        .ok()
        .filter(|_| named)
        .and_then(|accepted| accepted.negotiate(offered.iter()));
    if accepted == Some(Encoding::brotli()) {
        (asset.br, ContentEncoding::Brotli)
    } else if accepted == Some(Encoding::gzip()) {
        (asset.gzip, ContentEncoding::Gzip)
    } else {
        (asset.identity, ContentEncoding::Identity)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};

    use super::*;

    #[actix_web::test]
    async fn the_best_accepted_encoding_is_sent_and_kept_for_good() {
        let app = test::init_service(App::new().configure(configure)).await;
        for (accepted, sent) in [
            (Some("gzip, deflate, br, zstd"), Some("br")),
            (Some("gzip"), Some("gzip")),
            (Some("br;q=0, gzip;q=0"), None),
            (None, None),
        ] {
            let mut request = test::TestRequest::get().uri(&url("app.js"));
            if let Some(accepted) = accepted {
                request = request.insert_header((header::ACCEPT_ENCODING, accepted));
            }
            let response = test::call_service(&app, request.to_request()).await;
            let header = |name| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
            assert_eq!(header("content-encoding").as_deref(), sent, "{accepted:?}");
            assert!(header("cache-control").unwrap().contains("immutable"));
            assert_eq!(header("vary").as_deref(), Some("Accept-Encoding"));
        }
    }

    #[actix_web::test]
    async fn another_hash_or_path_is_not_found() {
        let app = test::init_service(App::new().configure(configure)).await;
        for uri in [url("nothing.js"), "/assets/0000/app.js".to_owned()] {
            let request = test::TestRequest::get().uri(&uri).to_request();
            assert_eq!(
                test::call_service(&app, request).await.status(),
                404,
                "{uri}"
            );
        }
    }
}
