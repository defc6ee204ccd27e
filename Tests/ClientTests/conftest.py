# One service for all tests; each test file works in projects of its own.

import pytest
from service import Service


@pytest.fixture(scope="session")
def service():
    """A running service; ends as it should, or the run fails."""
    service = Service()
    try:
        service.start()
        yield service
        service.stop()
    finally:
        service.remove()


@pytest.fixture(scope="module")
def project(service):
    """A project for the tests of one file."""
    return service.project()


@pytest.fixture
def fresh(service):
    """A project nobody else works in, with an empty log."""
    return service.project()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """A test that was skipped counts as failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    passed_over = reporter.stats.get("skipped", []) + reporter.stats.get("xfailed", [])
    if passed_over and exitstatus == 0:
        reporter.write_line("a test was skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
