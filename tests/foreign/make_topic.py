"""Makes a topic, where no `sta-api` does it: make_topic.py TOPIC PARTITIONS"""

import sys

from confluent_kafka.admin import AdminClient, NewTopic

import connect

topic, partitions = sys.argv[1:]
admin = AdminClient(connect.kafka())
made = admin.create_topics([NewTopic(topic, int(partitions))])
made[topic].result(timeout=30)
