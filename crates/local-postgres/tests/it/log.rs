//! The server's log: it holds no values and stays small.

use std::{fs, path::Path};

use crate::support::{Place, client, query, until};

#[tokio::test]
async fn a_refused_row_leaves_neither_its_values_nor_its_statement_in_the_log() {
    let place = Place::new();
    let postgres = place.start().await;
    query(&postgres.url(), "CREATE TABLE people (email text CONSTRAINT taken UNIQUE, age int CHECK (age > 17))").await;
    let client = client(&postgres.url()).await;
    let insert = "INSERT INTO people VALUES ('ana@clinica.example', 20)";
    client.batch_execute(insert).await.unwrap();
    client.batch_execute(insert).await.unwrap_err();
    client.batch_execute("INSERT INTO people VALUES ('eva@clinica.example', 2)").await.unwrap_err();

    let log = || log(&place.data_dir());
    until("both errors are logged", || log().contains("\"taken\"") && log().contains("people_age_check")).await;

    assert!(!log().contains("clinica.example") && !log().contains("INSERT"), "{}", log());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn the_log_stays_small_however_much_is_logged() {
    const LIMIT: u64 = 16 << 20;
    let place = Place::new();
    let postgres = place.start().await;
    let flood = "DO $$ BEGIN FOR n IN 1..300 LOOP RAISE LOG '%', repeat('x', 100000); END LOOP; END $$";
    let is_small = || {
        let files: Vec<_> = fs::read_dir(place.data_dir().join("log")).unwrap().flatten().collect();
        files.len() <= 8 && files.iter().flat_map(fs::DirEntry::metadata).map(|file| file.len()).sum::<u64>() <= LIMIT
    };
    let client = client(&postgres.url()).await;
    let flooded = async {
        client.batch_execute(flood).await.unwrap();
        until("the log is small", is_small).await;
        // A line that follows the flood in the same second may be cut off with it.
        while !log(&place.data_dir()).contains("after the flood") {
            client.batch_execute("DO $$ BEGIN RAISE LOG 'after the flood'; END $$").await.unwrap();
        }
        assert!(is_small());
    };
    tokio::select! {
        never = postgres.keep_alive() => match never {},
        () = flooded => {}
    }
    drop(client);
    postgres.stop().await.unwrap();
}

fn log(data_dir: &Path) -> String {
    let files = fs::read_dir(data_dir.join("log")).into_iter().flatten().flatten();
    files.flat_map(|file| fs::read_to_string(file.path())).collect()
}
