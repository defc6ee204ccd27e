# HTTP on bare sockets: what a careless, broken or hostile client sends, on real routes.
#
# The rules are those of RFC 9112 and 9110, and stricter where the service says so. Each exchange
# is followed by a request that must be answered, or must never be run.

import json
import random
import select
import socket
import time

import pytest
import requests
from csms import Csms
from wire import Wire

LIMIT_HEAD = 16_384
LIMIT_BODY = 1_048_576
LIMIT_FIELDS = 100


@pytest.fixture(scope="module")
def secret(project):
    Csms(project).create_secret("wired")
    Csms(project).create_version("wired")
    return "wired"


@pytest.fixture
def wire(service):
    with Wire(service.address) as wire:
        yield wire


@pytest.fixture(scope="module")
def speak(project, secret):
    """Makes a request of a method, a path below the project, fields and a body."""

    class Speak:
        csms = f"/v1/{project.id}"
        ledger = f"/ledger/v1/{project.id}"
        token = f"X-Auth-Token: {project.token}\r\n".encode()
        stage = f"/v1/{project.id}/secrets/{secret}/stages"

        def __call__(self, method, path, *fields, body=None, length=True, version="HTTP/1.1"):
            lines = [f"{method} {path} {version}", "Host: ledger.example", *fields]
            if body is not None and length:
                lines.append(f"Content-Length: {len(body)}")
            head = "\r\n".join(lines).encode("latin-1") + b"\r\n" + self.token
            return head + b"\r\n" + (body or b"")

        def put(self, name, *fields, version_id="v1"):
            body = json.dumps({"version_id": version_id}).encode()
            return self("PUT", f"{self.stage}/{name}", *fields, body=body)

    return Speak()


def labels(project, secret):
    return Csms(project).labels(secret)


def after(speak, name):
    """A request that leaves a trace in the record if it is run."""
    return speak.put(name, "Connection: close")


def check_refusal(reply, path):
    """A refusal has a body in the shape of the API its target belongs to."""
    assert reply["Date"].endswith(" GMT")
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["X-Request-Id"]
    assert not reply["Server"] or not any(c.isdigit() for c in reply["Server"])
    body = json.loads(reply.body)
    if path.startswith("/v1"):
        assert reply["Content-Type"].startswith("application/json")
        assert set(body) - {"request_id"} == {"error_code", "error_msg"}
        assert body["error_code"].partition(".")[0] in ("CSMS", "APIGW")
    else:
        assert reply["Content-Type"] == "application/problem+json"
        assert body["status"] == reply.status
        assert {"type", "title", "detail"} <= set(body)
    return body


# Framing: one message is never taken for two.

SMUGGLED = [
    ("length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
    ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n", 400),
    ("two lengths", "Content-Length: 0\r\nContent-Length: 50", b"", 400),
    ("a list of lengths", "Content-Length: 0, 0", b"", 400),
    ("a signed length", "Content-Length: +5", b"{}   ", 400),
    ("a negative length", "Content-Length: -1", b"", 400),
    ("a hexadecimal length", "Content-Length: 0x5", b"{}   ", 400),
    ("an empty length", "Content-Length:", b"", 400),
    ("a length past all numbers", "Content-Length: 18446744073709551621", b"{}   ", 400),
    ("another coding", "Transfer-Encoding: gzip", b"0\r\n\r\n", 501),
    ("identity", "Transfer-Encoding: identity", b"", 501),
    ("two codings", "Transfer-Encoding: gzip, chunked", b"0\r\n\r\n", 400),
    ("chunked in the middle", "Transfer-Encoding: chunked, identity", b"0\r\n\r\n", 400),
    ("chunked, nearly", "Transfer-Encoding: xchunked", b"0\r\n\r\n", 501),
    ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n",
     400),
    ("a blank before the colon", "Transfer-Encoding : chunked", b"0\r\n\r\n", 400),
    ("a folded coding", "Transfer-Encoding:\r\n chunked", b"0\r\n\r\n", 400),
    ("a vertical tab", "Transfer-Encoding: \x0bchunked", b"0\r\n\r\n", 400),
    ("a bare line feed", "X: y\nTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
    ("a bare carriage return", "X: y\rTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
    ("a signed chunk", "Transfer-Encoding: chunked", b"+2\r\n{}\r\n0\r\n\r\n", 400),
    ("a chunk in 0x", "Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n", 400),
    ("a chunk past all numbers", "Transfer-Encoding: chunked",
     b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n", 400),
    ("a chunk longer than told", "Transfer-Encoding: chunked", b"2\r\n{} \r\n0\r\n\r\n", 400),
    ("a chunk that ends in LF", "Transfer-Encoding: chunked", b"2\n{}\r\n0\r\n\r\n", 400),
    ("a blank behind a size", "Transfer-Encoding: chunked", b"2 \r\n{}\r\n0\r\n\r\n", 400),
    ("an extension of LF", "Transfer-Encoding: chunked", b"2;a\n{}\r\n0\r\n\r\n", 400),
]


@pytest.mark.parametrize("surface", ["csms", "ledger"])
@pytest.mark.parametrize("case", SMUGGLED, ids=[case[0] for case in SMUGGLED])
def test_a_message_of_unclear_length_is_refused(project, speak, wire, surface, case):
    _, fields, body, status = case
    path = f"{getattr(speak, surface)}/secrets"
    wire.offer(speak("POST", path, fields, body=body, length=False) + after(speak, "smuggled"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [status]
    assert replies[0]["Connection"] == "close"
    check_refusal(replies[0], path)
    assert "smuggled" not in labels(project, "wired")


def test_chunks_in_http_1_0_are_refused(project, speak, wire):
    request = speak("POST", f"{speak.csms}/secrets", "Transfer-Encoding: chunked",
                    body=b"0\r\n\r\n", length=False, version="HTTP/1.0")
    wire.offer(request + after(speak, "smuggled"))
    assert [reply.status for reply in wire.replies()] == [400]
    assert "smuggled" not in labels(project, "wired")


def test_chunks_are_put_together_and_trailers_dropped(project, speak, wire):
    body = (b'3;x="y"\r\n{"v\r\nd\r\nersion_id":"v\r\n3\r\n2" \r\n1\r\n}\r\n'
            b"0\r\nX-Auth-Token: x\r\n\r\n")
    wire.send(speak("PUT", f"{speak.stage}/chunked", "Transfer-Encoding: CHUNKED", body=body,
                    length=False) + after(speak, "after-chunks"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [200, 200]
    assert json.loads(replies[0].body)["stage"]["version_id"] == "v2"


def test_half_a_body_is_never_acted_on(project, speak, service):
    request = speak.put("half", version_id="v1")
    with Wire(service.address) as wire:
        wire.send(request[:-1])
        wire.socket.shutdown(1)
        assert [reply.status for reply in wire.replies() if reply.status < 400] == []
    assert "half" not in labels(project, "wired")


def test_a_body_nobody_wants_is_not_the_next_request(project, speak, wire):
    inner = speak.put("inner")
    wire.send(
        speak("GET", f"{speak.csms}/secrets", body=inner)
        + speak("POST", f"{speak.csms}/no-such-route", body=inner)
        + speak("PATCH", f"{speak.stage}/canary", body=inner)
        + after(speak, "outer"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [200, 404, 405, 200]
    assert "inner" not in labels(project, "wired")


# The head.

HEADS = [
    ("no host", "GET {0} HTTP/1.1\r\n\r\n", 400),
    ("an empty host", "GET {0} HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("two hosts", "GET {0} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("a path in the host", "GET {0} HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("a user in the host", "GET {0} HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("two blanks", "GET  {0} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a tab", "GET\t{0} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a blank at the end", "GET {0} HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("a blank at the start", " GET {0} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("line feeds alone", "GET {0} HTTP/1.1\nHost: a\n\n", 400),
    ("a NUL in a value", "GET {0} HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    ("DEL in a value", "GET {0} HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400),
    ("a name that is no token", "GET {0} HTTP/1.1\r\nHost: a\r\nX@: a\r\n\r\n", 400),
    ("a line without a colon", "GET {0} HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400),
    ("a folded field", "GET {0} HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    ("a fragment", "GET {0}#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a backslash", "GET {0}\\x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("raw letters outside ASCII", "GET {0}\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("another version", "GET {0} HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ("no version", "GET {0}\r\n\r\n", 400),
    ("the hello of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("the hello of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
]


@pytest.mark.parametrize("case", HEADS, ids=[case[0] for case in HEADS])
def test_a_faulty_head_is_refused(project, speak, wire, case):
    _, text, status = case
    path = f"{speak.ledger}/secrets"
    wire.offer(text.format(path).encode("latin-1") + after(speak, "behind"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [status]
    assert replies[0]["Connection"] == "close"
    check_refusal(replies[0], path)
    assert "behind" not in labels(project, "wired")


def test_limits_have_statuses_of_their_own(speak, service):
    def ask(data):
        with Wire(service.address) as wire:
            wire.offer(data)
            replies = wire.replies()
            assert len(replies) == 1
            return replies[0]

    get = speak("GET", f"{speak.ledger}/secrets")[:-2]
    cases = [
        (get + b"X: " + b"a" * LIMIT_HEAD + b"\r\n\r\n", 431, str(LIMIT_HEAD)),
        (get + b"X: y\r\n" * LIMIT_FIELDS + b"\r\n", 431, str(LIMIT_FIELDS)),
        (speak("GET", f"{speak.ledger}/secrets?cursor=" + "a" * 9_000), 414, "8192"),
        (speak("POST", f"{speak.ledger}/secrets", f"Content-Length: {LIMIT_BODY + 1}"), 413,
         str(LIMIT_BODY)),
        (speak("POST", f"{speak.ledger}/secrets", "Transfer-Encoding: chunked",
               body=b"100001\r\n", length=False), 413, str(LIMIT_BODY)),
    ]
    for data, status, limit in cases:
        reply = ask(data)
        assert reply.status == status, data[:200]
        assert limit in check_refusal(reply, "/ledger")["detail"]
    with Wire(service.address) as wire:
        wire.send(speak("GET", f"{speak.ledger}/secrets/{'a' * 257}", "Connection: close"))
        reply = wire.reply()
    assert reply.status == 414
    assert "256" in check_refusal(reply, "/ledger")["detail"]


def test_a_large_body_within_the_limit_is_read(project, speak, wire):
    body = b'{"version_id":"v1"' + b" " * (LIMIT_BODY - 19) + b"}"
    assert len(body) == LIMIT_BODY
    wire.send(speak("PUT", f"{speak.stage}/large", "Connection: close", body=body))
    assert [reply.status for reply in wire.replies()] == [200]


def test_fields_up_to_the_limit_are_taken(speak, wire):
    # Host, the token and Connection are three of them.
    fields = [f"X-{number}: y" for number in range(LIMIT_FIELDS - 3)]
    wire.send(speak("GET", f"{speak.csms}/secrets", "Connection: close", *fields))
    assert [reply.status for reply in wire.replies()] == [200]


# Answers.


def test_requests_in_one_go_are_answered_in_order(speak, wire):
    wire.send(
        speak("GET", f"{speak.csms}/secrets/wired")
        + speak.put("canary")
        + speak("GET", f"{speak.ledger}/secrets/wired/stages/canary")
        + speak("DELETE", f"{speak.stage}/canary")
        + speak("GET", "/healthz")
        + speak("GET", f"{speak.stage}/canary")
        + b"GET / HTTP/1.1\r\n\r\n"
        + speak("GET", "/healthz"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [200, 200, 200, 204, 200, 400, 400]
    assert json.loads(replies[0].body)["secret"]["name"] == "wired"
    assert json.loads(replies[1].body)["stage"]["name"] == "canary"
    assert json.loads(replies[2].body)["version_id"] == "v1"
    assert json.loads(replies[5].body)["error_code"] == "CSMS.0005"


def test_one_byte_at_a_time_is_a_request_too(speak, wire):
    for byte in speak("GET", "/healthz", "Connection: close"):
        wire.send(bytes([byte]))
    assert [reply.status for reply in wire.replies()] == [200]


@pytest.mark.parametrize("path", [
    "/healthz", "{csms}/secrets/wired/stages/SYSCURRENT",
    "{ledger}/secrets/wired/stages/SYSCURRENT", "{ledger}/events", "{csms}/secrets/none",
    "/no/such/route"])
def test_head_is_get_without_its_content(speak, wire, path):
    path = path.format(csms=speak.csms, ledger=speak.ledger)
    wire.send(speak("HEAD", path) + speak("GET", path, "Connection: close"))
    head, get = wire.replies(heads=[0])
    assert head.status == get.status
    assert head["Content-Length"] in (None, str(len(get.body)))
    for name in ("Content-Type", "ETag", "Ledger-Position", "X-Content-Type-Options"):
        assert head[name] == get[name]


@pytest.mark.parametrize("method, path, allowed", [
    ("PATCH", "{csms}/secrets/wired/stages/canary", "DELETE, GET, HEAD, PUT"),
    ("POST", "{ledger}/secrets/wired/stages/canary", "DELETE, GET, HEAD, PUT"),
    ("DELETE", "{ledger}/events", "GET, HEAD"),
    ("PUT", "{csms}/secrets", "GET, HEAD, POST"),
    ("BREW", "/healthz", "GET, HEAD"),
    ("TRACE", "/metrics", "GET, HEAD"),
    ("get", "/healthz", "GET, HEAD"),
])
def test_another_method_is_told_which_ones_there_are(speak, wire, method, path, allowed):
    path = path.format(csms=speak.csms, ledger=speak.ledger)
    wire.send(speak(method, path) + speak("GET", "/healthz", "Connection: close"))
    refused, fine = wire.replies()
    assert (refused.status, fine.status) == (405, 200)
    assert refused["Allow"] == allowed
    check_refusal(refused, path)


def test_a_client_that_asks_first_is_told_first(project, speak, wire):
    request = speak.put("asked", "Expect: 100-continue", "Connection: close")
    head, body = request.split(b"\r\n\r\n", 1)
    wire.send(head + b"\r\n\r\n")
    assert wire.reply().status == 100
    wire.send(body)
    assert [reply.status for reply in wire.replies()] == [200]


def test_a_client_that_asks_first_may_be_refused_before_its_body(speak, service):
    expect = ("Expect: 100-continue", "Content-Length: 20")
    for request, status in (
        (speak("PUT", f"{speak.csms}/no-such-route", *expect), 404),
        (speak("PATCH", f"{speak.stage}/canary", *expect), 405),
        (speak("PUT", f"{speak.stage}/canary", *expect).replace(speak.token, b""), 401),
        (speak("POST", f"{speak.ledger}/secrets", "Expect: 100-continue",
               f"Content-Length: {LIMIT_BODY + 1}"), 413),
        (speak("PUT", f"{speak.stage}/canary", "Expect: tea", "Content-Length: 0"), 417),
    ):
        with Wire(service.address) as wire:
            wire.send(request)
            assert wire.reply().status == status, request


def test_http_1_0_gets_no_100_and_a_close(speak, wire):
    wire.send(speak("PUT", f"{speak.stage}/old", "Expect: 100-continue",
                    body=b'{"version_id":"v1"}', version="HTTP/1.0"))
    assert [reply.status for reply in wire.replies()] == [200]


def test_the_absolute_form_and_upgrades_are_plain_requests(speak, wire):
    wire.send(
        speak("GET", f"http://elsewhere.example{speak.csms}/secrets")
        + speak("GET", f"{speak.csms}/secrets", "Upgrade: h2c, websocket",
                "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
        + speak("GET", f"{speak.csms}/secrets", "Connection: close"))
    assert [reply.status for reply in wire.replies()] == [200, 200, 200]


# Paths.

TRICKS = [
    # An encoded slash stays a character of its segment, and no name of the cloud holds one.
    ("{csms}/secrets/wired%2Fstages%2FSYSCURRENT", 400),
    ("{csms}%2Fsecrets/wired", 404),
    ("{csms}/secrets%2Fwired", 404),
    ("{csms}/secrets/none/..%2Fwired", 404),
    # Dot segments are refused, not followed.
    ("{csms}/secrets/none/../wired", 400),
    ("{csms}/secrets/none/%2e%2e/wired", 400),
    ("{csms}/secrets/none/%2E%2e/wired", 400),
    ("{csms}/secrets/./wired", 400),
    ("{csms}/secrets/%2e/wired", 400),
    ("/healthz/../v1", 400),
    ("{csms}/secrets/..", 400),
    # So are empty segments.
    ("{csms}//secrets/wired", 400),
    ("/{csms}/secrets/wired", 400),
    ("{csms}/secrets//wired", 400),
    ("{csms}/secrets/wired//", 400),
    # What is no encoding, or encodes what no name may hold.
    ("{csms}/secrets/wired%", 400),
    ("{csms}/secrets/wired%2", 400),
    ("{csms}/secrets/wired%zz", 400),
    ("{csms}/secrets/wired%00", 400),
    ("{csms}/secrets/wired%0d%0aX:y", 400),
    ("{csms}/secrets/wired%ff", 400),
    ("{csms}/secrets/wired%c0%af", 400),
    ("{csms}/secrets/wired%7f", 400),
    # A parameter of a segment is a part of its name; a name is decoded once.
    ("{csms}/secrets/wired;v=1", 400),
    ("{csms}/secrets/wired%3bv=1", 400),
    ("{csms}/secrets/%2577ired", 400),
    ("{csms}/secrets/wired%20", 400),
    ("{csms}/secrets/WIRED", 400),
    ("{CSMS}/secrets/wired", 404),
    # Harmless spellings of the same thing are the same thing.
    ("{csms}/secrets/%77ired", 200),
    ("{csms}/%73ecrets/wired", 200),
    ("{csms}/secrets/wired/", 200),
    ("{csms}/secrets/wired?", 200),
    ("{csms}/secrets/wired?a=/../b", 200),
    # The ledger's own API is as strict.
    ("{ledger}/secrets/none/%2e%2e/wired", 400),
    ("{ledger}/secrets//wired", 400),
    ("{ledger}/secrets/wired/", 400),
    ("{ledger}/secrets/wired%2Fstages", 404),
    ("{ledger}/secrets/wired;v=1", 404),
    ("{ledger}/secrets/%2577ired", 404),
    ("/ledger/v1/..%2F..%2Fhealthz", 404),
    ("/%2e%2e/%2e%2e/etc/passwd", 400),
    ("/v1", 404), ("/v1/", 404), ("/ledger", 404), ("/v2/x/secrets", 404), ("/V1/x", 404),
]


@pytest.mark.parametrize("path, status", TRICKS)
def test_a_path_reaches_one_route_or_none(speak, wire, path, status):
    path = path.format(csms=speak.csms, ledger=speak.ledger, CSMS=speak.csms.replace("v1", "V1"))
    wire.send(speak("GET", path) + speak("GET", "/healthz", "Connection: close"))
    replies = wire.replies()
    assert [reply.status for reply in replies] == [status, 200]
    if status != 200:
        check_refusal(replies[0], path)
    elif "secrets/wired" in path:
        assert json.loads(replies[0].body)["secret"]["name"] == "wired"


def test_a_token_in_the_address_is_no_token(project, speak, wire):
    request = speak("GET", f"{speak.ledger}/secrets?token={project.token}", "Connection: close")
    wire.send(request.replace(speak.token, b""))
    reply = wire.reply()
    assert reply.status == 401
    assert project.token not in check_refusal(reply, "/ledger")["detail"]
    assert reply["WWW-Authenticate"]


def test_two_tokens_are_none(speak, wire):
    wire.send(speak("GET", f"{speak.csms}/secrets", speak.token.decode().strip(),
                    "Connection: close"))
    assert wire.reply().status == 401


# Many at once.


def test_whatever_comes_the_answers_are_well_formed(project, speak, service):
    seed = random.getrandbits(64)
    print(f"seed {seed}")
    rng = random.Random(seed)
    chunked = b'12\r\n{"version_id":"v1"}\r\n0\r\n\r\n'
    whole = [
        speak.put("fuzzed"),
        speak("PUT", f"{speak.stage}/fuzzed", "Transfer-Encoding: chunked", body=chunked,
              length=False),
        speak("GET", f"{speak.ledger}/secrets/wired/stages/canary?known_at=2026-01-01T00:00:00Z"),
        speak("POST", f"{speak.ledger}/secrets", body=b'{"name":"fuzzed","reason":"\\u00e9"}'),
        speak("GET", f"{speak.ledger}/events?after=1&limit=2", "Accept: text/*, */*;q=0.5"),
        speak("DELETE", f"{speak.stage}/fuzzed", "Connection: keep-alive", "If-Match: *"),
    ]
    spice = [
        b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"%", b"%2f", b"..", b"/", b"\xff", b"\t", b"?",
        b"chunked", b"Content-Length: 1\r\n", b"0\r\n\r\n", b"{", b'"', b"9" * 20, b"&", b"="]
    for _ in range(400):
        data = bytearray(b"".join(rng.choices(whole, k=rng.randint(1, 3))))
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(data))
            match rng.randrange(4):
                case 0: data[place] = rng.randrange(256)
                case 1: del data[place:place + rng.randint(1, 8)]
                case 2: data[place:place] = rng.choice(spice)
                case 3: data[place:place] = data[place:place + rng.randint(1, 64)]
        with Wire(service.address) as wire:
            wire.offer(bytes(data))
            try:
                wire.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            for reply in wire.replies():
                assert reply.status < 500 or reply.status in (501, 505), (reply, bytes(data))
    assert project.get("/secrets/wired").status_code == 200


def test_a_head_that_trickles_in_has_one_deadline(speak, wire):
    wire.send(speak("GET", f"{speak.csms}/secrets")[:-2])
    begin = time.monotonic()
    # Every byte comes in time for itself; the head as a whole does not.
    while not select.select([wire.socket], [], [], 0.5)[0]:
        assert time.monotonic() - begin < 30, "no end to it"
        wire.offer(b"X")
    reply = wire.reply()
    assert reply.status == 408
    assert reply["Connection"] == "close"
    assert "10" in check_refusal(reply, speak.csms)["error_msg"]


def test_half_sent_heads_hold_up_nobody(service, speak):
    idle = [Wire(service.address) for _ in range(300)]
    try:
        for wire in idle:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ")
        begin = time.monotonic()
        for _ in range(20):
            assert requests.get(f"{service.url}/healthz", timeout=10).status_code == 200
        assert time.monotonic() - begin < 10
        for wire in idle[:10]:
            wire.send(b"y\r\nConnection: close\r\n\r\n")
            assert wire.reply().status == 200
    finally:
        for wire in idle:
            wire.socket.close()


def test_a_client_that_reads_nothing_is_no_burden(service, speak, project):
    with Wire(service.address) as silent:
        silent.socket.settimeout(5)
        request = speak("GET", f"{speak.ledger}/events?limit=1000")
        try:
            for _ in range(2_000):
                silent.send(request)
        except TimeoutError:
            pass
        assert requests.get(f"{service.url}/healthz", timeout=10).status_code == 200
        assert project.get("/secrets/wired").status_code == 200
