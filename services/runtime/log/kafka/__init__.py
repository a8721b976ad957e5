"""The log in Kafka: the adapter of the port for Apache Kafka. Nothing else knows aiokafka."""

from services.runtime.log.kafka.log import KafkaLog

__all__ = ["KafkaLog"]
