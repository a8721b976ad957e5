"""What happens to a customer."""

from datetime import date
from typing import ClassVar

from schemas.events.stamp import LifecycleEvent, Moment
from schemas.words import CustomerId, Money, QueueName, RepId


class CustomerEvent(LifecycleEvent):
    """`queue` is that of its item, `rep_id` who holds it, where it has such."""

    customer_id: CustomerId
    queue: QueueName | None = None
    rep_id: RepId | None = None


class CustomerCreated(CustomerEvent):
    """A won opportunity made a customer; `closer` is the AE, who stays named until deployed."""

    NAME: ClassVar[str] = "customer.created"
    closer: RepId | None
    value: Money


class CustomerDeployed(CustomerEvent):
    """What was sold is in use; from then on the closer is no longer named."""

    NAME: ClassVar[str] = "customer.deployed"
    closer: RepId | None
    deployed_at: Moment


class CustomerExpanded(CustomerEvent):
    """It bought more, worth `value`."""

    NAME: ClassVar[str] = "customer.expanded"
    value: Money
    expanded_at: Moment


class CustomerRenewed(CustomerEvent):
    """It goes on, for `value`, through the day `until`."""

    NAME: ClassVar[str] = "customer.renewed"
    value: Money
    until: date


class CustomerChurned(CustomerEvent):
    """It left, so many whole days after it was won."""

    NAME: ClassVar[str] = "customer.churned"
    reason: str
    churned_at: Moment
    tenure_days: int


class CustomerVoided(CustomerEvent):
    """The win was a mistake: it never was a customer, and all that it counted for is taken back."""

    NAME: ClassVar[str] = "customer.voided"
