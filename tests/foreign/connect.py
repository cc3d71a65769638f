"""Where Kafka and the registry are: the same variables that `sta-api` reads."""

import os

from confluent_kafka.schema_registry import SchemaRegistryClient

# librdkafka's names for the settings of STA.
KAFKA = {
    "KAFKA_BROKERS": "bootstrap.servers",
    "KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
    "KAFKA_SSL_CA": "ssl.ca.location",
}


def kafka(**more) -> dict:
    known = {ours: os.environ[name] for name, ours in KAFKA.items() if name in os.environ}
    return {**known, **{name.replace("_", "."): value for name, value in more.items()}}


def registry() -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
