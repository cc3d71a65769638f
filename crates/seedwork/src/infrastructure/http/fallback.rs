//! The default service: 404, or 405 with the allowed methods.

use super::{problem::Problem, texts};
use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, http::Method, web::Data};
use utoipa::openapi::{OpenApi, PathItem};

/// The methods of each route: app data of the server, as [`Data`].
pub struct Routes(Vec<(ResourceDef, Vec<Method>)>);

impl Routes {
    /// Returns the routes of an OpenAPI document.
    pub fn of(document: &OpenApi) -> Self {
        Self(document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    /// Adds a route that is not in the document.
    #[must_use]
    pub fn with(mut self, path: &str, methods: &[Method]) -> Self {
        self.0.push((ResourceDef::new(path), methods.to_vec()));
        self
    }

    /// Returns the value of `Allow` for a path, or `None` if it is not a route.
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

/// Refuses a request without a route: `.default_service(web::to(fallback))`.
///
/// # Errors
///
/// Always.
pub async fn fallback(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let routes = request.app_data::<Data<Routes>>();
    match routes.and_then(|routes| routes.allow(request.path())) {
        Some(allow) => Err(Problem::method_not_allowed(allow)),
        None => Err(Problem::not_found(texts::NO_ROUTE)),
    }
}
