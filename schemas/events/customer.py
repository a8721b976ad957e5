"""What happens to a customer."""

from typing import ClassVar

from schemas.events.stamp import LifecycleEvent
from schemas.words import CustomerId, Money, RepId


class CustomerCreated(LifecycleEvent):
    """A won opportunity made a customer; `closer` is the AE, who stays named until deployed."""

    NAME: ClassVar[str] = "customer.created"
    customer_id: CustomerId
    closer: RepId | None
    value: Money
