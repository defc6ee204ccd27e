# The reports that other tools read, held against the schemas those tools go by: SARIF 2.1.0 of
# OASIS and JUnit XML as Jenkins takes it. `run` fetches the sources the schemas are in.

import io
import json
import os
import pathlib
import tarfile
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

import jsonschema
import pytest
import xmlschema
from service import Service
from test_drift_clouds import Instance, put_stage, register

SOURCES = pathlib.Path(os.environ["STAGELEDGER_SCHEMAS"])


def schema(source, name):
    """A file of a source, as bytes."""
    [path] = SOURCES.glob(f"{source}-*.tar.gz")
    with tarfile.open(path) as archive:
        [member] = [member for member in archive.getnames() if member.endswith(f"/{name}")]
        return archive.extractfile(member).read()


@pytest.fixture(scope="module")
def drifted():
    """A ledger and a project of it with open and acknowledged drift."""
    ledger = Service()
    try:
        ledger.start()
        cloud = Instance(ledger, ledger, "huawei")
        project = ledger.project(*cloud.options)
        for name in ("elsewhere", "extra", "known"):
            register(project, name)
            cloud.secret(name, ["v1", "v2"])
            for version in ("v1", "v2"):
                answer = project.post(f"/secrets/{name}/versions", json={"version_id": version})
                assert answer.status_code == 201, answer.text
            put_stage(project, name, "canary", "v1")
            put_stage(cloud.project, name, "canary", "v2" if name != "extra" else "v1")
        put_stage(cloud.project, "extra", "stray", "v2")
        cloud.secret("unrecorded", ["v1"])
        register(project, "gone")
        found = json.loads(report(ledger, project, "json"))
        assert len(found["findings"]) == 5
        [known] = [f["id"] for f in found["findings"] if f["secret"] == "known"]
        until = datetime.now(timezone.utc) + timedelta(days=1)
        answer = project.post(
            f"/drift/{known}/acknowledge",
            json={"reason": "<planned> & \"known\"", "expires_at": until.isoformat()})
        assert answer.status_code in (200, 201), answer.text
        yield ledger, project
        ledger.stop()
    finally:
        ledger.remove()


def report(ledger, project, form):
    return ledger.run("reconcile", "--project", project.id, "-o", form, status=2)


def test_sarif_is_what_its_schema_says(drifted):
    document = json.loads(report(*drifted, "sarif"))
    jsonschema.validate(document, json.loads(schema("sarif_pydantic", "sarif-schema-2.1.0.json")))
    [run] = document["runs"]
    assert len(run["results"]) == 5
    suppressed = [result for result in run["results"] if result.get("suppressions")]
    assert len(suppressed) == 1 and "known" in json.dumps(suppressed)
    for result in run["results"]:
        [location] = result["locations"]
        assert location["logicalLocations"], "each says where"
    fingerprints = {json.dumps(result["partialFingerprints"]) for result in run["results"]}
    assert len(fingerprints) == 5, "each is told from the others, run after run"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules


def test_junit_is_what_its_schema_says(drifted):
    text = report(*drifted, "junit")
    xmlschema.XMLSchema(io.BytesIO(schema("pytest", "junit-10.xsd"))).validate(io.StringIO(text))
    root = ElementTree.fromstring(text)
    failures = root.findall(".//testcase/failure")
    assert len(failures) == 4, "what is acknowledged does not fail"
    suite = root.find(".//testsuite")
    assert int(suite.get("failures")) == 4
    assert int(suite.get("tests")) == len(root.findall(".//testcase"))
