//! Commands from the broker, and a process that is killed while it handles them.

use ingesta::application::integration::{
    consumed::{CrearIngesta, IniciarProcesamiento},
    published::{IngestaCreada, IngestaEnProceso},
};
use seedwork::testing::{TestDatabase, TestProcess, eventually};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The number of kills.
const KILLS: usize = 5;
/// The number of ingestas that are created between two kills.
const COMMANDS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_it_handles_commands_does_all_of_them_once() {
    let module = ingesta::infrastructure::module();
    let database = TestDatabase::create(vec![(module.name, (module.migrations)())]).await.unwrap();
    let broker = database.broker().await.unwrap();
    let mut asked = BTreeSet::new();
    for _ in 0..KILLS {
        let process = TestProcess::start(&module, &database).await.unwrap();
        for _ in 0..COMMANDS {
            let id_ingesta = Uuid::now_v7();
            let url_path = "https://imagenes.example/torax.dcm".to_owned();
            let crear = CrearIngesta { id_ingesta, id_proveedor: "p".into(), id_paciente: "x".into(), url_path };
            broker.publish(&format!("crear-{id_ingesta}"), &crear).await.unwrap();
            // Delivered twice.
            let iniciar = IniciarProcesamiento { id_ingesta, motivo: None };
            for _ in 0..2 {
                broker.publish(&format!("iniciar-{id_ingesta}"), &iniciar).await.unwrap();
            }
            asked.insert(id_ingesta);
        }
        process.kill();
    }
    let process = TestProcess::start(&module, &database).await.unwrap();
    let begun = eventually("every command is handled", || async {
        let begun = broker.published::<IngestaEnProceso>().await.unwrap();
        (begun.len() >= asked.len()).then_some(begun)
    })
    .await;
    let ids = |all: Vec<Uuid>| (all.len(), all.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(ids(begun.into_iter().map(|begun| begun.id_ingesta).collect()), (asked.len(), asked.clone()));
    let created = broker.published::<IngestaCreada>().await.unwrap();
    assert_eq!(ids(created.into_iter().map(|created| created.id_ingesta).collect()), (asked.len(), asked));
    assert!(process.stop().await);
}
