"""What operators see at /metrics: one typed, commented list. Base units; counters end in `_total`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Telemetry:
    """The metrics of one process, in their own registry. Labels hold names and closed words, never personal data."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # HTTP: `route` is the template, never the path, which holds ids.
        self.requests = self._counter("http_requests", "Requests answered.", "process", "method", "route", "status")
        self.request_seconds = self._histogram("http_request_seconds", "From request to answer.", "process", "route")
        # Consumers.
        self.records = self._counter("consumer_records", "Records whose effects are committed.", "consumer", "topic")
        self.dead_letters = self._counter("consumer_dead_letters", "Records laid aside.", "consumer", "topic")
        self.retries = self._counter("consumer_retries", "Batches tried again after an outage.", "consumer")
        self.overtaken = self._counter("consumer_overtaken", "Batches that another process had done.", "consumer")
        self.batch_seconds = self._histogram("consumer_batch_seconds", "A batch, begin to commit.", "consumer")
        self.lag = self._gauge("consumer_lag_records", "Records not read yet.", "consumer", "topic")
        self.stopped = self._gauge("consumer_stopped_partitions", "Stopped by brake or gap.", "consumer", "topic")
        # Intake: `how` is `single batch form`.
        self.accepted = self._counter("intake_accepted", "Submissions answered 202.", "source", "how")
        self.refused = self._counter("intake_refused", "Submissions not accepted, by problem code.", "how", "code")
        self.fallback = self._counter("intake_fallback", "Submissions that the log table took for Kafka.")
        # Decisions: `by` is `rule`, or what decided where no rule did, as `fallback`.
        self.decisions = self._counter(
            "router_decisions", "New leads, by what was decided, and by what.", "action", "by"
        )
        self.asked = self._counter("enrichment_questions", "Questions to the policy's hook, by how they ended.", "how")
        # The relay.
        self.relayed = self._counter("relay_records", "Records of the log table that Kafka has.", "topic")
        self.relay_waiting = self._gauge(
            "relay_waiting_records", "Records of the log table that Kafka has not; 1,000 of each partition at most."
        )
        self.relay_parked = self._gauge("relay_parked_records", "Of these, refused by Kafka: see `leadgate dlq list`.")
        self.relay_age = self._gauge("relay_oldest_seconds", "Age of the oldest of these.")
        self.residual = self._gauge("ledger_residual_leads", "Accepted and not accounted for: 0, or an alarm.")
        # Metrics.
        self.story_gaps = self._counter("metrics_story_gaps", "Events that came without the one before.")
        self.streams = self._gauge("metrics_streams", "Live streams open.")
        self.unpublished = self._gauge("metrics_unpublished_revisions", "Changes of series that Kafka has not.")
        # Timers.
        self.loop_seconds = self._histogram("loop_seconds", "One turn of a timer's work.", "loop")
        self.loop_at = self._gauge("loop_last_timestamp_seconds", "When a timer's work was last done.", "loop")
        self.failures = self._counter("task_failures", "Tasks that failed, and went on.", "task")

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"leadgate_{name}", help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"leadgate_{name}", help_, labels, registry=self.registry)

    def _histogram(self, name: str, help_: str, *labels: str) -> Histogram:
        return Histogram(f"leadgate_{name}", help_, labels, registry=self.registry, buckets=_SECONDS)
