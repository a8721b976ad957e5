"""E-mail addresses, telephone numbers and addresses on the web, as people write them."""

import pytest

from router.identifiers.emails import read_email
from router.identifiers.links import domain_of, profile, read_link, registrable
from router.identifiers.phones import read_phone


@pytest.mark.parametrize(
    ("written", "address", "kind"),
    [
        ("Ann.Lee@Example.com", "Ann.Lee@example.com", "business"),
        ("INFO@Example.COM", "INFO@example.com", "business"),
        ("ann+web@sub.example.co.uk", "ann+web@sub.example.co.uk", "business"),
        ("o'brien@example.com", "o'brien@example.com", "business"),
        ("ann@gmail.com", "ann@gmail.com", "free"),
        ("ann@T-Online.de", "ann@t-online.de", "free"),
        ("ann@tuta.com", "ann@tuta.com", "free"),
        ("ann@mailinator.com", "ann@mailinator.com", "disposable"),
        ("ann@x.guerrillamail.com", "ann@x.guerrillamail.com", "disposable"),
        ("ann@bücher.de", "ann@xn--bcher-kva.de", "business"),
        ("ann@BÜCHER.de", "ann@xn--bcher-kva.de", "business"),
        ("用户@例え.jp", "用户@xn--r8jz45g.jp", "business"),
        ("ann@acme.test", "ann@acme.test", "business"),
    ],
)
def test_an_address_keeps_its_local_part_and_has_its_domain_in_lower_case_idna(
    written: str, address: str, kind: str
) -> None:
    read = read_email(written)
    assert read is not None
    assert (read.address, read.kind) == (address, kind)
    assert read_email(read.address) == read


@pytest.mark.parametrize(
    "written",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@localhost",
        "ann@@example.com",
        "ann example@example.com",
        "ann@exa mple.com",
        "ann@example..com",
        "ann@-example.com",
        ".ann@example.com",
        "ann.@example.com",
        "ann@127.0.0.1",
        "ann@[127.0.0.1]",
        '"ann"@example.com',
        "Ann <ann@example.com>",
        "ann@example.local",
        "ann@example.invalid",
        "a" * 65 + "@example.com",
        "ann@" + "a" * 64 + ".com",
        "ann@example.com\n",
        "ann@xn--\u0000.com",
    ],
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert read_email(written) is None


@pytest.mark.parametrize(
    ("written", "regions", "number"),
    [
        ("020 7946 0123", ["GB"], "+442079460123"),
        ("(020) 7946-0123", ["GB"], "+442079460123"),
        ("+44 20 7946 0123", [], "+442079460123"),
        ("+44 (0)20 7946 0123", ["DE"], "+442079460123"),
        ("0044 20 7946 0123", ["DE"], "+442079460123"),
        ("+1 555 010 0199", [], "+15550100199"),  # of the right length: ranges are new every month
        ("030 123456", ["DE", "GB"], "+4930123456"),
        ("020 7946 0123", ["FR", "GB"], "+442079460123"),
        ("01 23 45 67 89", ["FR", "GB"], "+33123456789"),
        ("+44 20 7946 0123 ext 5", [], "+442079460123"),
        ("tel:+44-20-7946-0123", ["GB"], "+442079460123"),
    ],
)
def test_a_number_is_read_as_dialled_in_the_first_region_that_has_it(
    written: str, regions: list[str], number: str
) -> None:
    assert read_phone(written, regions) == number


@pytest.mark.parametrize(
    ("written", "regions"),
    [
        ("020 7946 0123", []),
        ("020 7946 0123", [None]),
        ("1234567", ["GB"]),
        ("0000000000", ["GB"]),
        ("+44 20", ["GB"]),
        ("+999 123456789", []),
        ("ring me", ["GB"]),
        ("0" * 61, ["GB"]),
        ("020 7946 0123", ["ZZ"]),
    ],
)
def test_a_few_digits_are_nobodys_number(written: str, regions: list[str | None]) -> None:
    assert read_phone(written, regions) is None


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("http://uk.LinkedIn.com/in/AnnLee/?trk=x", "https://linkedin.com/in/annlee"),
        ("linkedin.com/in/annlee", "https://linkedin.com/in/annlee"),
        ("https://www.linkedin.com/in/annlee?originalSubdomain=uk#about", "https://linkedin.com/in/annlee"),
        ("https://twitter.com/AnnLee", "https://x.com/annlee"),
        ("https://m.facebook.com/profile.php?id=42&ref=x", "https://facebook.com/profile.php?id=42"),
        ("https://www.example.com/People/Ann/?utm_source=x", "https://example.com/People/Ann"),
        ("https://example.com/people?id=7", "https://example.com/people?id=7"),
    ],
)
def test_a_persons_page_is_always_the_same(written: str, same: str) -> None:
    assert profile(written) == same
    assert profile(same) == same


@pytest.mark.parametrize(
    "written",
    ["linkedin.com", "https://www.linkedin.com/", "n/a", "ann lee", "@ann", "mailto:ann@x.com", "a.b", "ftp://x.com/a"],
)
def test_what_names_nobody_is_no_profile(written: str) -> None:
    assert profile(written) is None


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("https://www.shop.example.co.uk/x", "example.co.uk"),
        ("www.example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("https://bücher.de", "xn--bcher-kva.de"),
        ("joe.wixsite.com", "joe.wixsite.com"),
        ("co.uk", None),
        ("localhost", None),
        ("http://192.168.0.1/", None),
        ("http://[::1]/", None),
        ("no domain", None),
        ("-.-", None),
    ],
)
def test_a_companys_domain_stands_under_a_public_suffix(written: str, domain: str | None) -> None:
    assert domain_of(written) == domain


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Example.com/A?b=C#d", "https://example.com/A?b=C#d"),
        ("HTTP://Example.com:80/", "http://example.com"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("https://exa_mple.com/x", "https://exa_mple.com/x"),
        ("https://example.com:99999/", None),
        ("https://" + "a" * 64 + ".com", None),
        ("https://user:secret@example.com", None),
    ],
)
def test_an_address_of_a_page_has_one_form(written: str, normal: str | None) -> None:
    link = read_link(written)
    assert (link and link.address) == normal


def test_a_bare_public_suffix_is_nobodys() -> None:
    assert registrable("co.uk") is None
