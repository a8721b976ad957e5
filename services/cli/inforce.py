"""Putting a policy in force: not one under which something would have no place any more."""

from services import policies
from services.policies import Published, Sound
from services.runtime.exits import Refused
from services.runtime.tx import Tx
from services.store import rehoming


async def put_in_force(tx: Tx, policy: Sound, message: str | None) -> Published:
    """Publish it. Raises: Refused where open work would have no queue of its kind left; nothing is published then."""
    published = await policies.publish(tx, policy, message)
    if published.changed and (left := await rehoming.homeless(tx, await policies.active(tx))):
        counts = " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(left.items()))
        raise Refused(
            f"{counts} would have no queue to be in: keep a queue of that desk until they are closed, or, for tasks, "
            "name another under `tasks`. Nothing was published"
        )
    return published
