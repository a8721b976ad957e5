"""The look of pages: charts drawn here, static files with an edition, nothing that the CSP forbids."""

import json
import re

import pytest

from services.web import assets, charts
from services.web.charts import Bar
from services.web.page import is_local
from services.web.reference import reference

HOSTILE = '"><script>alert(1)</script>'


def test_charts_escape_what_they_are_told() -> None:
    drawn = [
        charts.bars([Bar(HOSTILE, 3, HOSTILE, HOSTILE)], HOSTILE),
        charts.stacked([Bar(HOSTILE, 3, tone=HOSTILE)], HOSTILE),
        charts.meter(1, 2, HOSTILE, HOSTILE),
    ]
    for chart in drawn:
        assert "<script" not in chart
        assert "style=" not in chart
        assert 'aria-label="&#34;' in chart


def test_bars_are_as_long_as_their_values_and_nothing_has_no_length() -> None:
    chart = charts.bars([Bar("leads", 40), Bar("won", 10), Bar("lost", 0)], "Funnel")
    lengths = re.findall(r'class="fill" width="([\d.]+)"', chart)
    assert lengths == ["100.00", "25.00", "0.00"]
    assert charts.bars([], "Funnel").count("<rect") == 0
    assert ">40<" in chart


def test_a_meter_is_full_at_its_target_and_empty_without() -> None:
    assert 'class="fill green" x="0" y="0" width="160.0"' in charts.meter(20, 8, "green", "20 of 8")
    assert 'width="80.0"' in charts.meter(4, 8, "yellow", "4 of 8")
    assert "fill" not in charts.meter(4, None, "", "4")


def test_stacked_shares_fill_the_bar() -> None:
    chart = charts.stacked([Bar("a", 1), Bar("b", 3), Bar("c", 0)], "Shares", width=400)
    assert re.findall(r'width="([\d.]+)" height="14"><title>', chart) == ["100.0", "300.0"]
    assert charts.stacked([Bar("a", 0)], "Shares").count("<rect") == 0


def test_what_stands_between_back_ticks_is_code_and_all_is_escaped() -> None:
    assert assets.ticked(f"The `{HOSTILE}` of <b>") == (
        "The <code>&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</code> of &lt;b&gt;"
    )
    assert assets.ticked("one ` alone") == "one ` alone"


def test_static_files_have_addresses_and_unknown_ones_are_an_error() -> None:
    assert re.fullmatch(r"/static/[0-9a-f]{16}/style\.css", assets.static("style.css"))
    with pytest.raises(KeyError):
        assets.static("nothing.css")


def test_templates_and_scripts_keep_to_the_policy_that_pages_send() -> None:
    for name in assets.templates().list_templates(extensions=["html"]):
        source = assets.templates().loader.get_source(assets.templates(), name)[0]  # type: ignore[union-attr]
        if "layout.html" in source or name == "layout.html":
            assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:", source), name
            assert not re.search(r"""(src|href)=["'](https?:)?//""", source), f"{name} loads from elsewhere"


def test_every_page_escapes_what_it_is_told() -> None:
    shown = {"title": HOSTILE, "who": None, "csrf": None, "links": [], "here": "/", "next": HOSTILE, "mistake": HOSTILE}
    page = assets.templates().get_template("sign_in.html").render(shown)
    assert "<script>alert" not in page


@pytest.mark.parametrize("target", ["", "docs", "//x", "/\\x", "http:/x", "/a b", "/a\n", "/\x7f", "/" + "a" * 2001])
def test_a_redirect_elsewhere_is_none_of_ours(target: str) -> None:
    assert not is_local(target)


def test_the_reference_lays_a_document_out() -> None:
    schema = {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string", "maxLength": 2000, "description": "What was said."},
            "size": {"anyOf": [{"type": "integer", "minimum": 0.0, "maximum": 10000.0}, {"type": "null"}]},
            "channel": {"enum": ["phone", "email"]},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
        },
        "examples": [{"lines": [{"at": "…"}], "size": 1, "text": "a", "x": 0}],
    }
    document = {
        "components": {
            "schemas": {
                "Note": schema,
                "Line": {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}},
            }
        },
        "paths": {
            "/v1/notes": {
                "post": {
                    "tags": ["notes"],
                    "summary": "Add a note: once",
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                    "responses": {"201": {"description": "It is there."}, "404": {"description": "No."}},
                }
            }
        },
    }
    [group] = reference(document)
    [operation] = group.operations
    assert (group.name, operation.short, operation.id) == ("notes", "Add a note", "post-v1-notes")
    assert [(field.name, field.depth, field.type, field.required) for field in operation.body] == [
        ("text", 0, "text ≤ 2,000", True),
        ("size", 0, "integer 0–10,000 or null", False),
        ("channel", 0, "phone · email", False),
        ("lines[]", 0, "list of object", False),
        ("at", 1, "time", False),
    ]
    assert json.loads(operation.examples[0]) == schema["examples"][0]  # type: ignore[index]
    assert list(json.loads(operation.examples[0])) == ["text", "size", "lines", "x"]  # as declared
    assert [answer.status for answer in operation.answers] == ["201"]
    assert [answer.status for answer in operation.problems] == ["404"]
