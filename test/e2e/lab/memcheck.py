"""Programs under valgrind's memcheck, and what it found in our module."""
import pathlib
import xml.etree.ElementTree as ElementTree

VALGRIND = "/usr/bin/valgrind"
MODULE = "attest.so"


class Memcheck:
    """One program under memcheck; each of its processes writes its own report into a folder.

    Only an error with our module in its stack is ours: nginx leaks 8 bytes of its own at the end, python's allocator reads what it
    did not write. The module's callbacks stand in the stack of everything OpenSSL does for them, so nothing of ours hides."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)

    def command(self, *program):
        return [VALGRIND, "--leak-check=full", "--show-leak-kinds=definite", "--num-callers=60", "--child-silent-after-fork=no",
                "--xml=yes", f"--xml-file={self.folder}/%p.xml", *program]

    def environment(self, env):
        """Python's own allocator would hide from memcheck what is not freed."""
        return {**env, "PYTHONMALLOC": "malloc"}

    def reports(self):
        return sorted(self.folder.glob("*.xml"))

    def errors(self):
        """What memcheck says of our module, as lines; a report that was not finished counts as an error."""
        found = []
        for report in self.reports():
            try:
                root = ElementTree.parse(report).getroot()
            except ElementTree.ParseError as error:
                found.append(f"{report.name} is cut short: {error}")
                continue
            found += [describe(e) for e in root.iter("error") if through_module(e)]
        return found


def through_module(error):
    return any(pathlib.Path(obj.text or "").name == MODULE for obj in error.iter("obj"))


def describe(error):
    what = error.findtext("what") or error.findtext("xwhat/text") or error.findtext("kind")
    frames = [f"{frame.findtext('fn') or '?'} ({pathlib.Path(frame.findtext('obj') or '?').name})" for frame in error.iter("frame")]
    return f"{error.findtext('kind')}: {what}\n    " + "\n    ".join(frames[:25])
