//! What answers when no route does: 404, or 405 with what the route allows.

use super::{problem::Problem, texts};
use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, http::Method, web::Data};
use utoipa::openapi::{OpenApi, PathItem};

/// Which methods each route has: app data of the server, as [`Data`].
pub struct Routes(Vec<(ResourceDef, Vec<Method>)>);

impl Routes {
    /// The routes of an OpenAPI document.
    pub fn of(document: &OpenApi) -> Self {
        Self(document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    /// And a route that the document does not have.
    #[must_use]
    pub fn with(mut self, path: &str, methods: &[Method]) -> Self {
        self.0.push((ResourceDef::new(path), methods.to_vec()));
        self
    }

    /// The value of `Allow` for a path; none when it is not a route.
    fn allow(&self, path: &str) -> Option<String> {
        let mut allowed: Vec<&str> = Vec::new();
        for (_, methods) in self.0.iter().filter(|(route, _)| route.is_match(path)) {
            for method in methods {
                allowed.push(method.as_str());
                if method == Method::GET {
                    allowed.push(Method::HEAD.as_str());
                }
            }
        }
        allowed.sort_unstable();
        allowed.dedup();
        (!allowed.is_empty()).then(|| allowed.join(", "))
    }
}

fn methods(item: &PathItem) -> Vec<Method> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect()
}

/// Answers what no route does: `.default_service(web::to(fallback))`.
///
/// # Errors
///
/// Always: nothing else is asked to answer.
pub async fn fallback(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let routes = request.app_data::<Data<Routes>>();
    match routes.and_then(|routes| routes.allow(request.path())) {
        Some(allow) => Err(Problem::method_not_allowed(allow)),
        None => Err(Problem::not_found(texts::NO_ROUTE)),
    }
}
