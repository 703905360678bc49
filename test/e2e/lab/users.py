"""Users: where the tests run as root, a service runs as the user Debian gave it; else as whoever runs the tests."""
import os
import pwd

from . import processes


class User:
    """The first of `names` this machine has. `as_user` goes into processes.run() and Server(); it is empty unless we are root."""

    def __init__(self, *names):
        self.name, self.uid, self.as_user = pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), {}
        if os.geteuid() != 0:
            return
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = next((known[name] for name in (*names, "nobody") if name in known), None)
        if entry is None:
            raise RuntimeError(f"none of the users {', '.join(names)}")
        self.name, self.uid = entry.pw_name, entry.pw_uid
        self.as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def own(self, *paths):
        for path in paths if self.as_user else ():
            os.chown(path, self.as_user["user"], self.as_user["group"])

    def may_enter(self, folder):
        return processes.run(["test", "-x", folder], **self.as_user).code == 0
