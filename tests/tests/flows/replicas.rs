//! Two processes on one data directory, killed and frozen under load: no effect is lost, none is done twice, and each key
//! keeps its order, by an independent count.

use serde_json::json;
use sta_tests::sta::{Sta, eventually, send, signal, tail};
use std::{collections::BTreeMap, path::Path};
use uuid::Uuid;

/// How often one of the two is killed or frozen.
const ROUNDS: usize = 20;
/// How many ingestas are asked for in a round, over the broker.
const COMMANDS: usize = 30;

/// Asks for new ingestas, and for the next step of each, over the broker.
async fn ask(home: &Path) -> Vec<Uuid> {
    let ids: Vec<_> = (0..COMMANDS).map(|_| Uuid::now_v7()).collect();
    let lines = |line: fn(&Uuid) -> String| ids.iter().map(line).collect::<Vec<_>>().join("\n");
    let create = lines(|id| {
        json!({ "id_ingesta": id, "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/1" })
            .to_string()
    });
    send(home, "comandos-ingesta", "CrearIngesta", &[], &create).await.unwrap();
    let start = lines(|id| json!({ "id_ingesta": id }).to_string());
    send(home, "comandos-ingesta", "IniciarProcesamiento", &[], &start).await.unwrap();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_and_freezing_either_of_two_loses_nothing_and_does_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    let mut running = [Sta::start(home.path(), &[]).await, Sta::start(home.path(), &[]).await];
    let mut asked = Vec::new();
    for round in 0..ROUNDS {
        let victim = round % 2;
        let frozen = round % 4 < 2;
        let pid = running[victim].pid();
        // In the middle of the round's work, whatever it is doing then.
        let (ids, ()) = tokio::join!(ask(home.path()), async {
            if frozen {
                signal(pid, "STOP");
            } else {
                signal(pid, "KILL");
            }
        });
        asked.extend(ids);
        if frozen {
            // The other one goes on meanwhile.
            let other = &running[1 - victim];
            let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/2" });
            eventually("the other is served", || async {
                (other.post("/ingesta/crear-ingesta-comando", &body).await.unwrap().0 == 202).then_some(())
            })
            .await;
            signal(pid, "CONT");
        } else {
            running[victim] = Sta::start(home.path(), &[]).await;
        }
    }
    let sta = &running[0];
    for id in &asked {
        eventually("every command is obeyed", || async {
            let (_, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.unwrap();
            (ingesta["estado"] == "Pendiente" && ingesta["version"] == 2).then_some(())
        })
        .await;
    }
    let messages = eventually("everything is said", || async {
        let messages = tail(home.path(), "eventos-ingesta").await;
        let said = messages.iter().filter(|message| message["headers"]["ce_aggregateversion"] == "2").count();
        (said >= asked.len()).then_some(messages)
    })
    .await;
    let mut said: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for message in &messages {
        let text = |name: &str| message["headers"][name].as_str().unwrap();
        said.entry(message["key"].as_str().unwrap()).or_default().push((text("ce_type"), text("ce_aggregateversion")));
    }
    for id in &asked {
        let expected = [("sta.ingesta.v1.IngestaCreada", "1"), ("sta.ingesta.v1.IngestaEnProceso", "2")];
        assert_eq!(said[id.to_string().as_str()], expected, "{id}");
    }
    for sta in running {
        assert_eq!(sta.stop().await.0, 0);
    }
}
