"""How an end-to-end test file runs: a world for all its tests, names as sentences, results where `make test` counts them."""
import json
import os
import pathlib
import sys
import unittest

from .world import World


class Cases(unittest.TestCase):
    """Test cases that share one world. Every test is a sentence: test_curl_refuses_a_changed_machine."""

    world = None
    changed = True
    services = {}  # label -> user: programs that run as users of their own


    @classmethod
    def setUpClass(cls):
        build = os.environ["ATTEST_BUILD"]
        folder = pathlib.Path(build) / "e2e" / cls.__module__.replace("__main__", pathlib.Path(sys.argv[0]).stem)
        cls.world = World(build, folder, changed=cls.changed, services=cls.services).__enter__()
        cls.addClassCleanup(cls.world.close)

    def accepted(self, done, text=""):
        self.assertEqual(done.code, 0, f"should have been accepted: {done}")
        self.assertIn(text, done.out)

    def refused(self, done, *texts):
        """The program failed, not for want of time, and said every one of the texts."""
        self.assertNotIn(done.code, (0, -9), f"should have been refused: {done}")
        for text in texts:
            self.assertIn(text, done.out)

    def reason(self, machine):
        """Name of the last refusal of a machine's daemon."""
        return json.loads(machine.must("explain", "--json"))["name"]


class _Report(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.cases = []

    def _add(self, test, **more):
        words = test.id().split(".")[-1].removeprefix("test_").replace("_", " ").strip("()")
        self.cases.append({"name": words, **more})

    def addSuccess(self, test):
        super().addSuccess(test)
        self._add(test, result="COMPLETED")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._add(test, result="SKIPPED", skipped=[{"message": reason}])

    def _failed(self, test, err):
        self._add(test, result="COMPLETED", failures=[{"failure": str(err[1])}])

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)


def main():
    """Runs the tests of the calling file; writes RESULTS/NAME.json in GoogleTest's form for test/tally.py."""
    runner = unittest.TextTestRunner(verbosity=2, resultclass=_Report, stream=sys.stdout)
    outcome = unittest.main(module="__main__", testRunner=runner, exit=False).result
    results = os.environ.get("ATTEST_RESULTS")
    if results:
        name = "e2e_" + pathlib.Path(sys.argv[0]).stem
        document = {"testsuites": [{"name": "e2e", "testsuite": outcome.cases}]}
        (pathlib.Path(results) / f"{name}.json").write_text(json.dumps(document))
    sys.exit(0 if outcome.wasSuccessful() else 1)
