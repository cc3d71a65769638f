//! Lists, page after page.

use crate::server::{Clientes, empresa, natural};

#[actix_web::test]
async fn a_list_is_newest_first_whatever_the_size_of_its_pages() {
    let clientes = Clientes::start().await;
    assert!(clientes.server().list("/clientes/todos?").await.is_empty());
    let (mut todos, mut desactivados) = (Vec::new(), Vec::new());
    for n in 0..6 {
        let natural = clientes.registrar(&natural(&format!("n{n}@alpes.example"), &format!("100000{n}"))).await;
        let empresa = clientes.registrar(&empresa(&format!("e{n}@alpes.example"), &format!("100000{n}"))).await;
        assert_eq!(clientes.desactivar(&empresa).await.status, 202);
        todos.extend([natural, empresa.clone()]);
        desactivados.push(empresa);
    }
    todos.reverse();
    desactivados.reverse();
    for limite in [1, 2, 5, 6, 12, 200] {
        let list = async |which: &str| clientes.server().list(&format!("/clientes/{which}?limite={limite}")).await;
        assert_eq!(list("todos").await, todos, "{limite}");
        assert_eq!(list("desactivados").await, desactivados, "{limite}");
    }
}

#[actix_web::test]
async fn an_item_of_a_list_is_what_is_read_by_its_id() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    assert_eq!(clientes.desactivar(&id).await.status, 202);
    let one = clientes.por_id(&id).await.body;
    for list in ["todos", "desactivados"] {
        assert_eq!(clientes.server().get(&format!("/clientes/{list}")).await.body["items"][0], one);
    }
}
