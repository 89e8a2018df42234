"""Request bodies: parsed by their declared type, and refused clearly."""

from __future__ import annotations

import gzip

import pytest

from iii_triggers.trigger_types.http.body import parse_body
from iii_triggers.trigger_types.http.errors import BadBody, UnsupportedBody
from iii_triggers.trigger_types.http.request import HttpRequest, build_input

FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=XX"


def multipart(*parts, end=b"--XX--\r\n"):
    return b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + end


def field(name, value, *, filename=None, content_type=None):
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    if content_type is not None:
        head += f"\r\nContent-Type: {content_type}"
    return head.encode() + b"\r\n\r\n" + value


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b"application/json;charset=UTF-8",
        b"application/vnd.api+json",
        b"application/problem+JSON; v=1",
    ],
)
def test_json_is_recognised_in_every_spelling(content_type):
    assert parse_body(content_type, b' {"a": [1, null]} ') == {"a": [1, None]}


@pytest.mark.parametrize("content_type", [b"application/json", FORM, MULTIPART, b"", b"image/png"])
def test_no_body_is_none_whatever_its_type(content_type):
    assert parse_body(content_type, b"") is None


def test_blank_json_is_none_and_a_byte_order_mark_is_skipped():
    assert parse_body(b"application/json", b" \r\n") is None
    assert parse_body(b"application/json", b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    "body", [b"{", b"{'a': 1}", b"[1] 2", b"NaN", b'"\xff"', b'"\\ud800"', b"[" * 100_000, b"1e999"]
)
def test_broken_json_is_a_bad_request(body):
    with pytest.raises(BadBody, match="not valid JSON") as caught:
        parse_body(b"application/json", body)
    assert (caught.value.status, caught.value.code) == (400, "BAD_REQUEST")


def test_a_form_is_a_flat_object_of_strings():
    body = b"name=Ada+L&a=1&a=2&empty&%C3%A9=%26\r\n"
    expected = {"name": "Ada L", "a": "2", "empty": "", "\u00e9": "&"}
    assert parse_body(FORM, body) == expected
    assert parse_body(b"Application/X-WWW-form-urlencoded; charset=utf-8", body) == expected


def test_a_form_has_at_most_a_thousand_fields():
    assert len(parse_body(FORM, b"&".join(b"a%d=1" % i for i in range(1000)))) == 1000
    with pytest.raises(BadBody, match="more than 1000 fields"):
        parse_body(FORM, b"&".join([b"a"] * 1001))


def test_text_is_a_string_in_its_character_set():
    assert parse_body(b"text/plain", "caf\u00e9".encode()) == "caf\u00e9"
    assert parse_body(b'text/csv; charset="ISO-8859-1"', b"caf\xe9") == "caf\u00e9"
    assert parse_body(b"text/xml", b"<a/>") == "<a/>"


def test_text_that_is_not_in_its_character_set_is_a_bad_request():
    with pytest.raises(BadBody, match="not utf-8 text"):
        parse_body(b"text/plain", b"caf\xe9")


@pytest.mark.parametrize("charset", [b"rot13", b"zlib", b"unicode_escape", b"nonsense"])
def test_a_character_set_that_is_none_is_unsupported(charset):
    with pytest.raises(UnsupportedBody, match="character set"):
        parse_body(b"text/plain; charset=" + charset, b"x")


@pytest.mark.parametrize(
    "content_type",
    [b"", b"application/octet-stream", b"application/xml", b"image/png", b"application/jsonx"],
)
def test_any_other_type_is_unsupported(content_type):
    with pytest.raises(UnsupportedBody) as caught:
        parse_body(content_type, b"{}")
    assert (caught.value.status, caught.value.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_gzip_is_never_decoded():
    body = gzip.compress(b"0" * 1_000_000)
    with pytest.raises(UnsupportedBody, match="Compressed"):
        parse_body(b"application/json", body, content_encoding=b"gzip")
    with pytest.raises(BadBody):
        parse_body(b"application/json", body)
    assert parse_body(b"application/json", b"1", content_encoding=b"Identity") == 1


def test_a_multipart_form_has_strings_and_files():
    body = multipart(
        field("name", "Ad\u00e9".encode()),
        field("notes", b"a,b\r\n1,2\r\n", filename="n.csv", content_type="text/csv"),
        field("photo", b"\x89PNG\r\n\x1a\n\x00", filename="p.png", content_type="image/PNG"),
        field("meta", b'{"a":1}', content_type="application/json"),
    )
    assert parse_body(MULTIPART, body) == {
        "name": "Ad\u00e9",
        "notes": {
            "filename": "n.csv",
            "content_type": "text/csv",
            "size": 10,
            "content": "a,b\r\n1,2\r\n",
        },
        "photo": {
            "filename": "p.png",
            "content_type": "image/png",
            "size": 9,
            "content_base64": "iVBORw0KGgoA",
        },
        "meta": '{"a":1}',
    }


def test_content_survives_byte_for_byte():
    content = bytes(range(256)) + b"\r\n--X\r\n\n\r--XX\r\n\r\n"
    file = parse_body(MULTIPART, multipart(field("f", content, filename="f", content_type="a/b")))
    assert file["f"]["size"] == len(content)


def test_a_text_file_that_is_not_utf8_is_base64():
    body = multipart(field("f", b"\xff", filename="f.txt"))
    assert parse_body(MULTIPART, body)["f"]["content_base64"] == "/w=="


def test_an_uploaded_mail_is_a_file_like_any_other():
    mail = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=YY\r\n\r\n--YY--"
    body = multipart(field("f", mail, filename="m.eml", content_type="message/rfc822"))
    assert parse_body(MULTIPART, body)["f"]["size"] == len(mail)


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd", "/etc/passwd", "C:\\etc\\passwd", "..\\passwd"]
)
def test_a_file_name_is_never_a_path(filename):
    body = multipart(field("f", b"x", filename=filename))
    assert parse_body(MULTIPART, body)["f"]["filename"] == "passwd"


def test_an_international_file_name_is_understood():
    head = b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%e2%82%ac.txt"
    assert parse_body(MULTIPART, multipart(head + b"\r\n\r\nx"))["f"]["filename"] == "\u20ac.txt"
    body = multipart(field("f", b"x", filename="\u20ac.txt"))
    assert parse_body(MULTIPART, body)["f"]["filename"] == "\u20ac.txt"


def test_a_file_input_left_empty_is_left_out():
    assert parse_body(MULTIPART, multipart(field("f", b"", filename=""))) == {}


def test_repeated_files_become_a_list_and_repeated_texts_the_last():
    files = [field("f", b"x", filename=name) for name in ("1", "2", "3")]
    value = parse_body(MULTIPART, multipart(*files, field("t", b"1"), field("t", b"2")))
    assert [file["filename"] for file in value["f"]] == ["1", "2", "3"]
    assert value["t"] == "2"


def test_a_text_field_cannot_pass_for_a_file():
    body = multipart(field("f", b'{"filename": "x", "content": "y"}'))
    assert isinstance(parse_body(MULTIPART, body)["f"], str)


def test_preamble_epilogue_and_padding_are_skipped():
    body = b"preamble\r\n--XX  \r\n" + field("a", b"1") + b"\r\n--XX--\r\nepilogue"
    assert parse_body(MULTIPART, body) == {"a": "1"}
    assert parse_body(b'multipart/form-data; boundary="XX"', multipart()) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        multipart(field("a", b"1"), end=b""),
        multipart(b"no header end"),
        multipart(b"\r\n\r\nno headers"),
        multipart(b"Content-Type: text/plain\r\n\r\nno name"),
        multipart(b"Content-Disposition: attachment; name=a\r\n\r\n1"),
        multipart(b"X: " + b"x" * 9000 + b"\r\n" + field("a", b"1")),
        multipart(b"Content-Disposition: form-data; name*=zzz''a\r\n\r\n1"),
        multipart(field("a", b"1\r\n--XXY")),
        b"--XX\n" + field("a", b"1").replace(b"\r\n", b"\n") + b"\n--XX--\n",
    ],
)
def test_a_malformed_multipart_form_is_a_bad_request(body):
    with pytest.raises(BadBody, match="multipart body"):
        parse_body(MULTIPART, body)


@pytest.mark.parametrize("boundary", [b"", b"; boundary=", b"; boundary=" + b"x" * 71])
def test_a_multipart_form_needs_a_sensible_boundary(boundary):
    with pytest.raises(BadBody, match="boundary"):
        parse_body(b"multipart/form-data" + boundary, multipart())


def test_a_multipart_form_has_at_most_a_thousand_fields():
    fields = [field(f"f{i}", b"1") for i in range(1001)]
    assert len(parse_body(MULTIPART, multipart(*fields[:1000]))) == 1000
    with pytest.raises(BadBody, match="more than 1000 fields"):
        parse_body(MULTIPART, multipart(*fields))
    with pytest.raises(BadBody, match="more than 1000 fields"):
        parse_body(MULTIPART, b"\r\n--XX" * 100_000)


@pytest.mark.parametrize("content_type", [b"multipart/form-data; boundary*=zzz''XX", b"a; b*=q''c"])
def test_a_malformed_content_type_is_a_bad_request(content_type):
    with pytest.raises(BadBody, match="content type"):
        parse_body(content_type, multipart())


def test_json_with_a_forged_files_key_stays_plain_data():
    forged = b'{"files": {"f": {"filepath": "/etc/passwd", "filename": "x", "size": 1}}}'
    body = parse_body(b"application/json", forged)
    request = HttpRequest(method="POST", raw_path=b"/up", headers=[])
    value = build_input(request, pattern="up", route_method="POST", path_params={}, body=body)
    expected = {"f": {"filepath": "/etc/passwd", "filename": "x", "size": 1}}
    assert value["files"] == expected
    assert value["body"] == {"files": expected}


def test_a_multipart_body_declared_as_json_is_not_a_form():
    with pytest.raises(BadBody):
        parse_body(b"application/json", multipart(field("a", b"1")))
