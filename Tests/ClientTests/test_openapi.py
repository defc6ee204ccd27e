# The description of the API, held against its standard and against the service by strangers: the
# validator of OpenAPI, and schemathesis, which asks what is allowed and what is not.

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

# What must hold of every answer.
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "unsupported_method", "allow_header_conformance", "ignored_auth",
]

# What counts as a refusal of what the description does not allow.
SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 431]
"""

DRIFT = "/ledger/v1/{project}/drift"
TASKS = "/v1/{project}/secrets/{secret}/scheduled-deleted-tasks"
METHODS = ("get", "put", "post", "delete")


@pytest.fixture
def document(service):
    """The description as everybody gets it."""
    answer = requests.get(f"{service.url}/openapi.json", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def make_secrets(project, names):
    """Secrets with two versions and a label of their own each."""
    for name in names:
        for path, body in [
            ("", {"name": name}), (f"/{name}/versions", {}),
            (f"/{name}/stages", {"name": "canary", "version_id": "v1"}),
        ]:
            answer = project.request("POST", project.csms(f"/secrets{path}"), json=body)
            assert answer.status_code == 200, answer.text


def ask(project, document, folder, *options):
    """Lets schemathesis ask by the description; answers how often each operation gave a status."""
    # The token is for one project, so another is as wrong as one that is ill formed.
    document["components"]["schemas"]["ProjectID"] = {"type": "string", "const": project.id}
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(SETTINGS)
    report = folder / "report.har"
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
            "run", "openapi.json", "--url", project.service.url,
            "--header", f"X-Auth-Token: {project.token}", "--checks", ",".join(CHECKS),
            "--seed", "20260304", "--generation-database", "none", "--continue-on-failure",
            "--suppress-health-check", "all", "--request-timeout", "30", "--no-color",
            "--report", "har", "--report-har-path", report, *options,
        ],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-20_000:]
    patterns = {
        path: re.compile(re.sub(r"\{\w+\}", "[^/?]+", path) + r"(\?.*)?")
        for path in document["paths"]
    }
    counts = Counter()
    for entry in json.loads(report.read_text())["log"]["entries"]:
        target = entry["request"]["url"].removeprefix(project.service.url)
        for path, pattern in patterns.items():
            if pattern.fullmatch(target):
                counts[entry["request"]["method"], path, entry["response"]["status"]] += 1
    return counts


def test_the_description_is_valid_openapi(document):
    assert document["openapi"].startswith("3.1.")
    assert list(map(str, OpenAPIV31SpecValidator(document).iter_errors())) == []


def test_what_is_not_allowed_is_refused_as_described(project, document, tmp_path):
    make_secrets(project, ["db-password"])
    counts = ask(
        project, document, tmp_path, "--mode", "all", "--phases", "examples,coverage,fuzzing",
        "--max-examples", "10")
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method not in methods:
                assert counts[method.upper(), path, 405], f"{method} {path} was not tried"
    # A run that met nothing but refusals would show little.
    assert sum(counts.values()) > 1_000
    assert sum(n for (_, _, status), n in counts.items() if status < 300) > 100


def narrow(value, schemas, known):
    """A part of a request, its references resolved, with what is known put in their place."""
    if isinstance(value, list):
        return [narrow(item, schemas, known) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return known[name] if name in known else narrow(schemas[name], schemas, known)
    return {key: narrow(item, schemas, known) for key, item in value.items()}


def test_what_is_allowed_is_done_as_described(fresh, document, tmp_path):
    def some(kind):
        return [f"{kind}-{number}" for number in range(20)]

    # What ends a secret has secrets of its own, since everything is asked in an order not known.
    own = {
        ("delete", "/v1/{project}/secrets/{secret}"): some("deleted"),
        ("post", f"{TASKS}/create"): some("leaving"), ("post", f"{TASKS}/cancel"): some("staying"),
    }
    names = some("secret")
    make_secrets(fresh, names + [name for group in own.values() for name in group])
    for name in some("staying"):
        path = f"/secrets/{name}/scheduled-deleted-tasks/create"
        assert fresh.request("POST", fresh.csms(path)).status_code == 200
    # Narrowed to what is there, so that most questions have an answer.
    stage = {"enum": ["SYSCURRENT", "canary", "blue"]}
    version = {"enum": ["v1", "v2"]}
    moment = {"enum": ["2026-03-04T05:06:07Z", "1999-12-31T23:59:59.5+14:00"]}
    known = {
        "ProjectID": {"const": fresh.id}, "Position": {"enum": list(range(100))},
        "SecretInPath": {"enum": names},
        "CSMSStageName": stage, "StageName": stage, "CSMSVersionID": version,
        "VersionID": version, "MomentTaken": moment,
    }
    made = {"type": "string", "pattern": "^new-[a-z]{12}$"}
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            there = {"CSMSSecretName": {"enum": own.get((method, path), names)}}
            if method == "delete":
                there["CSMSStageName"] = {"const": "canary"}  # The one each secret has at first.
            parameters = narrow(operation.get("parameters", []), schemas, known | there)
            operation["parameters"] = [
                one for one in parameters if one["name"] not in ("If-Match", "cursor", "marker")]
            if "requestBody" in operation:
                new = {"CSMSSecretName": made, "SecretName": made}
                if path.endswith("/versions"):
                    new["VersionID"] = {"type": "string", "pattern": "^v[1-9][0-9]{6}$"}
                operation["requestBody"] = narrow(operation["requestBody"], schemas, known | new)
    counts = ask(
        fresh, document, tmp_path, "--mode", "positive", "--phases", "fuzzing",
        "--max-examples", "15")
    # Without a cloud to be compared with there is no run, and no finding.
    clouded = {f"{DRIFT}/runs", f"{DRIFT}/runs/{{run}}", f"{DRIFT}/{{finding}}/acknowledge"}
    silent = [
        f"{method} {path}" for path, methods in document["paths"].items() for method in methods
        if not any(counts[method.upper(), path, status] for status in (200, 201, 204))
        and path not in clouded
    ]
    assert silent == [], counts
