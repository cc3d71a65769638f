"""Reads the first N messages of a topic from its beginning and prints them as JSON lines, as `events tail` does.

    read.py TOPIC N [SECONDS]

It asks the registry for the schema that each was written with, and ends with 1 when there are fewer.
"""

import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import connect


def main(topic: str, count: int, seconds: float = 30):
    deadline = time.monotonic() + seconds
    consumer = Consumer(connect.kafka(group_id="foreign", enable_auto_commit="false"))
    decode = AvroDeserializer(connect.registry())
    partitions = consumer.list_topics(topic, timeout=seconds).topics[topic].partitions
    if not partitions:
        sys.exit(f"there is no topic {topic}")
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    read = 0
    while read < count:
        message = consumer.poll(max(0.0, min(1.0, deadline - time.monotonic())))
        if message is not None and message.error():
            sys.exit(f"{topic}: {message.error()}")
        if message is not None:
            value = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
            print(json.dumps(shown(message, value), default=str, ensure_ascii=False))
            read += 1
        elif time.monotonic() > deadline:
            sys.exit(f"{topic} has {read} messages after {seconds:g} s, not {count}")
    consumer.close()


def shown(message, value) -> dict:
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": message.key() and message.key().decode(),
        "headers": {name: header.decode() for name, header in message.headers() or []},
        "value": value,
    }


if __name__ == "__main__":
    topic, count, *seconds = sys.argv[1:]
    main(topic, int(count), *map(float, seconds))
