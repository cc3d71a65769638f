"""Writes each line of standard input, the values of a record, to a topic; the key is the record's first field.

    write.py TOPIC RECORD [--cloudevents] [--keyless]          for example: write.py comandos-ingesta sta.ingesta.v1.CrearIngesta

The schema is the registry's latest for the topic and the record: who writes knows no file of ours.
"""

import json
import sys
import uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import connect


def main(topic: str, record: str, cloudevents: bool, keyless: bool):
    registry = connect.registry()
    schema = registry.get_latest_version(f"{topic}-{record}").schema
    settings = {"auto.register.schemas": False, "subject.name.strategy": topic_record_subject_name_strategy}
    encode = AvroSerializer(registry, schema, conf=settings)
    first_field = json.loads(schema.schema_str)["fields"][0]["name"]
    # As Java's clients choose the partition of a key; librdkafka's own way is another one.
    producer = Producer(connect.kafka(partitioner="murmur2_random", enable_idempotence="true"))
    failures = []
    for line in sys.stdin:
        values = json.loads(line)
        producer.produce(
            topic,
            key=None if keyless else values[first_field],
            value=encode(values, SerializationContext(topic, MessageField.VALUE)),
            headers=attributes(record) if cloudevents else None,
            on_delivery=lambda error, _message: error and failures.append(str(error)),
        )
        producer.poll(0)
    left = producer.flush(30)
    if left or failures:
        sys.exit(f"{left + len(failures)} messages were not delivered: {failures[:1]}")


def attributes(record: str) -> dict:
    """The headers of CloudEvents, in Kafka's binary mode."""
    return {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_source": "/foreign",
        "ce_type": record,
        "content-type": "application/avro",
    }


if __name__ == "__main__":
    topic, record, *options = sys.argv[1:]
    main(topic, record, "--cloudevents" in options, "--keyless" in options)
