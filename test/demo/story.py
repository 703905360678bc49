"""How the demo speaks: numbered sentences, commands in bold, a few lines of what they really printed, and a verdict in words."""
import os
import re
import shlex
import sys
import textwrap

WIDTH = 132


def _colour(code, text):
    on = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\033[{code}m{text}\033[0m" if on else text


def bold(text):
    return _colour("1", text)


class Verdict:
    """What a step should have shown, and whether it did. Without `accepted` it is neither accepted nor refused, but done."""

    def __init__(self, what, holds, accepted=None):
        self.what = what
        self.holds = holds
        self.word = {True: "accepted", False: "refused", None: "done"}[accepted]

    def __str__(self):
        if not self.holds:
            return _colour("1;31", f"✗ not {self.word}: THIS IS WRONG")
        return _colour("32", "✓ " + self.word + ("" if self.word == "done" else ", as it should be"))


class Story:
    def __init__(self):
        self.number = 0
        self.table = []
        self.lines = 0

    def say(self, text=""):
        print(text, flush=True)
        self.lines += text.count("\n") + 1

    def step(self, sentence):
        self.number += 1
        self.say(f"{bold(f'{self.number:2}')}  {sentence}")

    def command(self, where, words):
        """Shows a command as it is typed on a machine."""
        text = words if isinstance(words, str) else shlex.join(str(w) for w in words)
        self.say(f"    {where}$ {bold(text)}")

    def output(self, text, keep=None, most=1, verdict=None, wrap=False):
        """Shows the first lines of an output that match `keep`, cut or wrapped where long, the verdict behind the last one."""
        lines = [line.rstrip() for line in text.splitlines() if line.strip() and (not keep or re.search(keep, line))][:most]
        if wrap:
            lines = [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_long_words=False)]
        lines = [line if len(line) <= WIDTH else line[:WIDTH - 4] + " ..." for line in lines]
        if verdict:
            self.table.append((verdict.what, verdict.word if verdict.holds else "WRONG"))
            last = lines.pop() + "   " if lines else ""
            lines.append(last + str(verdict))
        for line in lines:
            self.say("      " + line)

    def print_table(self):
        width = max(len(what) for what, _ in self.table)
        print("\n" + bold("what was shown".ljust(width)) + "  " + bold("outcome"))
        for what, outcome in self.table:
            print(what.ljust(width) + "  " + (_colour("1;31", outcome) if outcome == "WRONG" else outcome))

    def good(self):
        return all(outcome != "WRONG" for _, outcome in self.table)
