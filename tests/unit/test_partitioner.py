"""Keys fall where Kafka's own clients would put them."""

import pytest

from services.runtime.log.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # Source: Apache Kafka, clients, UtilsTest.testMurmur2 (signed there).
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(key: str, hashed: int) -> None:
    assert murmur2(key.encode()) == hashed & 0xFFFFFFFF


def test_the_sign_is_dropped_before_the_remainder_is_taken() -> None:
    assert partition_of("21", 12) == (-973932308 & 0x7FFFFFFF) % 12


def test_keys_spread_over_all_partitions() -> None:
    assert {partition_of(f"ld_{number}", 12) for number in range(300)} == set(range(12))
