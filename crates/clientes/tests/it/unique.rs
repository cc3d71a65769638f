//! No two clientes have the same email or the same document, whoever asks at the same moment.

use crate::server::{Clientes, REGISTRAR, empresa, natural};
use diesel::{
    ExpressionMethods, QueryDsl,
    dsl::sql,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use seedwork::testing::eventually;

diesel::table! { clientes (id) { id -> Uuid, email -> Text, } }
diesel::table! { pg_locks (pid) { pid -> Integer, locktype -> Text, granted -> Bool, } }

#[actix_web::test]
async fn a_taken_email_or_document_is_named() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let taken = async || {
        let same_email = natural("ANA@Alpes.example", "1020304051");
        clientes.pedir(&same_email).await.refuses(409, "email-registrado", &[]);
        let same_document = natural("otra@alpes.example", "1020304050");
        clientes.pedir(&same_document).await.refuses(409, "documento-registrado", &[]);
        let both = natural("ana@alpes.example", "1020304050");
        clientes.pedir(&both).await.refuses(409, "email-registrado", &[]);
    };
    taken().await;
    // Who has left keeps both.
    assert_eq!(clientes.desactivar(&id).await.status, 202);
    taken().await;
    assert_eq!(clientes.server().list("/clientes/todos?").await, [id]);
}

#[actix_web::test]
async fn a_document_is_identified_by_its_kind_and_not_by_its_check_digit() {
    let clientes = Clientes::start().await;
    clientes.registrar(&natural("natural@alpes.example", "900123456")).await;
    clientes.registrar(&empresa("empresa@alpes.example", "900123456")).await;
    for (n, rut) in ["900123456", "900123456-8", "900123456-7"].into_iter().enumerate() {
        let answer = clientes.pedir(&empresa(&format!("e{n}@alpes.example"), rut)).await;
        answer.refuses(409, "documento-registrado", &[]);
    }
}

/// True if a session waits for an advisory lock of this database.
async fn waits(mut db: AsyncPgConnection) -> Option<()> {
    let here = sql::<Bool>("database = (SELECT oid FROM pg_database WHERE datname = current_database())");
    let waiting = pg_locks::table.filter(pg_locks::locktype.eq("advisory")).filter(pg_locks::granted.eq(false));
    let waiting: i64 = waiting.filter(here).count().get_result(&mut db).await.expect("the server answers");
    (waiting == 1).then_some(())
}

#[actix_web::test]
async fn the_later_of_two_in_one_group_is_refused_and_its_neighbours_are_not() {
    let clientes = Clientes::start().await;
    let mut lock = clientes.0.look().await;
    // The committer waits with a first unit, so all that comes meanwhile is its next group.
    lock.batch_execute("SELECT pg_advisory_lock(hashtextextended('sta/commit/clientes', 0))").await.unwrap();
    let first = natural("first@alpes.example", "1000000");
    let first = clientes.pedir(&first);
    let group = async {
        eventually("the committer waits", || async { waits(clientes.0.look().await).await }).await;
        let bodies = [
            natural("a@alpes.example", "1000001"),
            natural("a@alpes.example", "1000002"),
            natural("b@alpes.example", "1000001"),
            natural("c@alpes.example", "1000003"),
        ];
        let asked = async { join_all(bodies.iter().map(|body| clientes.pedir(body))).await };
        let released = async { lock.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap() };
        futures_util::future::join(asked, released).await.0
    };
    let (first, group) = futures_util::future::join(first, group).await;
    assert_eq!(first.status, 202, "{first:?}");
    assert_eq!(group.iter().map(|answer| answer.status).collect::<Vec<_>>(), [202, 409, 409, 202]);
    group[1].refuses(409, "email-registrado", &[]);
    group[2].refuses(409, "documento-registrado", &[]);
    // The neighbours were written by one transaction: it was a group.
    let written = clientes::table.order(clientes::email).select((clientes::email, sql::<Text>("xmin::text")));
    let written: Vec<(String, String)> = written.load(&mut lock).await.unwrap();
    let emails: Vec<_> = written.iter().map(|(email, _)| email.as_str()).collect();
    assert_eq!(emails, ["a@alpes.example", "c@alpes.example", "first@alpes.example"]);
    assert!(written[0].1 == written[1].1 && written[0].1 != written[2].1, "{written:?}");
    for answer in [&group[0], &group[3]] {
        let id = answer.body["id"].as_str().unwrap();
        assert_eq!(clientes.expediente(id).await.body["estado"], "Abierto");
    }
}

#[actix_web::test]
async fn of_two_replicas_that_register_one_person_at_once_one_succeeds() {
    let clientes = Clientes::start().await;
    let (one, two) = (clientes.server(), clientes.0.replica().await);
    for n in 0..20 {
        let (email, cedula) = (|who: &str| format!("{who}{n}@alpes.example"), |n: u32| format!("{}", 1_000_000 + n));
        for (here, there, slug) in [
            (natural(&email("a"), &cedula(3 * n)), natural(&email("a"), &cedula(3 * n + 1)), "email-registrado"),
            (
                natural(&email("b"), &cedula(3 * n + 2)),
                natural(&email("c"), &cedula(3 * n + 2)),
                "documento-registrado",
            ),
        ] {
            let answers = futures_util::future::join(one.post(REGISTRAR, here), two.post(REGISTRAR, there)).await;
            let (done, refused) = match answers {
                (here, there) if here.status == 202 => (here, there),
                (here, there) => (there, here),
            };
            assert_eq!(done.status, 202, "{done:?}");
            refused.refuses(409, slug, &[]);
        }
    }
    assert_eq!(one.list("/clientes/todos?").await.len(), 40);
}
