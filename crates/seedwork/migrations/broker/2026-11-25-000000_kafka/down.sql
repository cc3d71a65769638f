DROP TABLE kafka_topics;
