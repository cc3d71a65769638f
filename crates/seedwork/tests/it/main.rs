//! The engine on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod attacks;
mod batched_reactions;
mod broken;
mod broker;
mod committer;
mod connections;
mod consumer;
mod consuming;
mod fixture;
mod hanging;
mod kafka;
mod kafka_relay;
mod log;
mod migrations;
mod model;
mod parked;
mod positions;
mod probe;
mod proxy;
mod reader_types;
mod reads;
mod relay;
mod roles;
mod slow;
mod tables;
mod unclean;
mod undecodable;
mod unit_of_work;
