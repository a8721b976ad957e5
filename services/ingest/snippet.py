"""The HTML form to paste into a page. It needs no script."""

from html import escape

_FORM = """\
<form action="{action}" method="post" accept-charset="utf-8">
  <p><label>Name<br><input name="name" autocomplete="name" maxlength="200"></label></p>
  <p><label>E-mail<br><input name="email" type="email" autocomplete="email" maxlength="254" required></label></p>
  <p><label>Phone<br><input name="phone" type="tel" autocomplete="tel" maxlength="60"></label></p>
  <p><label>Company<br><input name="company" autocomplete="organization" maxlength="200"></label></p>
  <p><label>How can we help?<br><textarea name="message" rows="5" maxlength="10000"></textarea></label></p>
  <p><label><input type="checkbox" name="consent" value="yes"> You may contact me about this.</label></p>
{next}  <div hidden><label>Leave this empty <input name="_trap" tabindex="-1" autocomplete="off"></label></div>
  <p><button type="submit">Send</button></p>
</form>
"""


def snippet(form_url: str, *, next_: str | None = None) -> str:
    """The form that posts to `form_url`, which ends in the publishable key; afterwards people see `next_`.

    Every field may be taken out, as long as an e-mail or a phone is asked for, and others added: what has no meaning of
    its own is kept as a custom field. `_trap` is hidden from people and screen readers; what fills it is kept as spam.
    """
    hidden = f'  <input type="hidden" name="_next" value="{escape(next_)}">\n' if next_ is not None else ""
    return _FORM.format(action=escape(form_url), next=hidden)
