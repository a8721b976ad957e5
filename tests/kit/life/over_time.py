"""What time brings, and who is there meanwhile."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from kit.life.at_desks import AtDesks
from kit.life.machine import PICK, SEAT
from kit.life.terms import HOUR


class OverTime(AtDesks):
    """Reps come and go; what is due falls due."""

    @rule(seat=SEAT, how=st.sampled_from(["present", "present", "away", "covered"]))
    def come_and_go(self, seat: int, how: str) -> None:
        """There, away, or away while the other covers."""
        self.presence(self.rep(seat), how)

    def presence(self, rep: str, how: str) -> None:
        other = self.other(rep)
        covers = [self.reps[other].id] if how == "covered" else []
        body = {"status": "present" if how == "present" else "away", "covers": covers}
        answer = self.run(self.reps[rep].put("/v1/reps/me/presence", body))
        assert answer.status_code == 200, answer.text
        (self.model.away.discard if how == "present" else self.model.away.add)(rep)
        self.model.covers.pop(rep, None)
        if how == "covered":
            self.model.covers[rep] = other

    @precondition(lambda self: self.held())
    @rule(pick=PICK, how=st.sampled_from(["promise", "step"]), late=st.sampled_from([0, 20, 200]))
    def go_away_and_be_covered(self, pick: int, how: str, late: int) -> None:
        """What is next falls due while its holder is away: the other has it."""
        pick %= len(self.held())
        item = self.held()[pick]
        rep, desk = item.claims[-1].rep, item.desk
        other = self.other(rep)
        if how == "step" and desk != "inbound":
            self.next_step(pick)
        else:
            self.attempt(pick, "promise")
        self.presence(other, "present")
        self.presence(rep, "covered")
        self.time(3 * HOUR + timedelta(minutes=late))
        for _ in range(2):
            self.pull(other, desk)
        self.presence(rep, "present")

    @rule(minutes=st.sampled_from([20, 45, 500]))
    def some_time(self, minutes: int) -> None:
        self.time(timedelta(minutes=minutes))

    @precondition(lambda self: self.model.moments(self.now))
    @rule(pick=PICK, past=st.sampled_from([0, 1]))
    def until_something(self, pick: int, past: int) -> None:
        """Until something falls due, to the very moment or a minute later."""
        moments = self.model.moments(self.now)
        self.time(moments[pick % len(moments)] - self.now + timedelta(minutes=past))
