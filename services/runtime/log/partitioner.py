"""Which partition a key falls into: as Kafka's own clients reckon, so that a move to Kafka keeps every key's place.

Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`
(MurmurHash2 by Austin Appleby, seed 0x9747b28c).
"""

from struct import unpack

_SEED = 0x9747B28C
_M = 0x5BD1E995
_WORD = 0xFFFFFFFF


def partition_of(key: str, partitions: int) -> int:
    """Place a key.

    >>> partition_of("ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz", 12)
    11
    """
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Hash to 32 bits, unsigned."""
    length = len(data)
    hashed = _SEED ^ length
    whole = length & ~3
    for word in unpack(f"<{length // 4}I", data[:whole]):
        word = word * _M & _WORD
        word = (word ^ word >> 24) * _M & _WORD
        hashed = hashed * _M & _WORD ^ word
    if whole < length:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _M & _WORD
    hashed = (hashed ^ hashed >> 13) * _M & _WORD
    return hashed ^ hashed >> 15
