#!/usr/bin/env python3
"""make demo-cmc: two machines as members of a CMC fleet, one speaking JSON, one CBOR. Everything happens in build/demo-cmc.

  cmc.py BUILD
"""
import json
import os
import pathlib
import re
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import chapters  # noqa: E402
from lab import processes  # noqa: E402
from lab.authority import WebCertificates  # noqa: E402
from lab.machine import USER  # noqa: E402
from lab.paths import Build  # noqa: E402
from story import Story, Verdict, bold  # noqa: E402

CA = chapters.CA
SPEAKS = {"a": "json", "b": "cbor"}
PATIENCE = ["--timeout-ms", "60000"]
ROOTS = ["--signer-roots", "ca/metadata-root.pem", "--ak-roots", "ca/ak-root.pem"]


def agent(machine):
    return f"unix://{os.path.relpath(machine.socket.parent)}/cmc.sock"


def join_fleet(stage, machine, image):
    """Gives a machine the member `cmc`: its socket, whom it trusts, and the signed items that describe it."""
    ours = [f"{machine.name}-os", image]
    machine.configure(
        callers=machine.settings().get("callers", []) + [{"name": "fleet", "uid": USER, "rights": ["raw", "judge", "control"]}],
        cmc={"sockets": [{"path": str(machine.socket.parent / "cmc.sock"), "mode": "0600"}], "name": f"{machine.name}.example",
             "signer_roots": [str(stage.folder / "ca/metadata-root.pem")], "ak_roots": [str(stage.folder / "ca/ak-root.pem")],
             "metadata": [str(stage.folder / f"{name}.signed.json") for name in ours], "containers": {"driver": "tpm"}})
    machine.stop_daemon()  # where containers are recorded is settled at the start
    machine.start_daemon()


def the_machines(stage):
    story = stage.story
    story.say("A$ and B$ are shells on two machines (software TPMs, booted as two real ones were). A speaks JSON, B CBOR.")
    story.step("An authority, two machines with certified attestation keys and signed reference values, as in `make demo`;")
    stage.quiet(None, "attestctl", "ca", "init", "ca")
    for machine, boot, image, peer in ((stage.a, "tis", "web-server", "workstation"), (stage.b, "secureboot", "workstation", "web-server")):
        machine.switch_on(boot)
        stage.quiet(machine, *chapters.set_up(machine, stage, image, peer))
        machine.start_daemon()
    signed = chapters.describe_machines(stage)
    for machine in (stage.a, stage.b):
        for words in chapters.enrolment(stage, machine, signed):
            stage.quiet(*words)
    story.step("cmcd.json gets a member \"cmc\" on both: the daemon now also answers as CMC's agent does.")
    join_fleet(stage, stage.a, "web-server")
    join_fleet(stage, stage.b, "workstation")
    stage.web = WebCertificates(stage.folder / "web").make("localhost", "client.example")


def judge(stage, machine, what, good, *texts):
    """A report of a machine, judged by somebody who has nothing but the two roots."""
    report, nonce = f"{machine.name}.report", ("a1" if machine.name == "a" else "b2") * 16
    words = ["attestctl", "generate", "--agent", agent(machine), "--serializer", SPEAKS[machine.name], "--nonce", nonce, "-o", report]
    stage.story.output(stage.run(machine, words).out, "^wrote")
    words = ["attestctl", "verify", "--report", report, "--nonce", nonce, *ROOTS]
    stage.accepted(what, None, words, "") if good else stage.refused(what, None, words, *texts)


def reports(stage):
    stage.story.step("A report over a nonce from each, judged by somebody who has nothing but the two roots.")
    for machine in (stage.a, stage.b):
        judge(stage, machine, f"report of {machine.name.upper()} in {SPEAKS[machine.name].upper()}", True)
    stage.refused("the same report for another nonce", None,
                  ["attestctl", "verify", "--report", "a.report", "--nonce", "00" * 16, *ROOTS])


def bundle(stage, name):
    """A container as its runtime starts it: a configuration and a root file system."""
    folder = stage.folder / name
    (folder / "rootfs/bin").mkdir(parents=True)
    (folder / "rootfs/bin/app").write_text(f"the program of {name}\n")
    (folder / "config.json").write_text(json.dumps(
        {"ociVersion": "1.2.0", "process": {"args": ["/bin/app"], "cwd": "/", "env": ["PATH=/bin", "TOKEN=hunter2"]}, "root": {"path": "rootfs"}}))
    return f"{name}/config.json"


def start_container(stage, machine, config, name):
    """What a runtime's hook does before it starts a container."""
    words = ["attestctl", "measure", config, "--name", name, "--index", "14", "--agent", agent(machine)]
    stage.story.output(stage.run(machine, words).out, "^recorded")


def containers(stage):
    stage.story.step("A starts a container that its metadata knows; it is in a register of the TPM, and in every report from now on.")
    shop = bundle(stage, "shop")
    stage.quiet(None, "attestctl", "measure", shop, "--name", "shop", "--index", "14", "--anchor", "TPM", "-o", "shop.part.json")
    stage.quiet(None, "attestctl", "metadata", "create", "manifest", "--name", "shop", "--components", "shop.part.json", "--base-layers", "a-os",
                "-o", "shop.json")
    stage.quiet(None, "attestctl", "metadata", "create", "image-description", "--name", "web-server", "--manifest", "a-os", "--manifest", "shop",
                "-o", "web-server.json")
    stage.quiet(None, "attestctl", "metadata", "sign", "--ca", "ca", "shop.json", "web-server.json")
    fleet = stage.a.settings()["cmc"]
    fleet["metadata"].append(str(stage.folder / "shop.signed.json"))
    stage.a.configure(cmc=fleet)
    start_container(stage, stage.a, shop, "shop")
    judge(stage, stage.a, "report of A with its container", True)


def an_unknown_container(stage):
    stage.story.step("B starts one that nobody signed for.")
    start_container(stage, stage.b, bundle(stage, "unknown"), "unknown")
    judge(stage, stage.b, "report of B with an unknown container", False, "unknown")


def common(machine):
    return ["--ca", CA, "--agent", agent(machine), "--serializer", SPEAKS[machine.name], *PATIENCE]


def server(stage, command, *more):
    """Starts a server of A; .at is where it listens."""
    identity = [] if command == "proxy" else ["--cert", stage.web.cert("localhost"), "--key", stage.web.key("localhost")]
    words = ["attestctl", command, "127.0.0.1:0", *common(stage.b if command == "proxy" else stage.a), *identity, *more]
    machine = stage.b if command == "proxy" else stage.a
    stage.story.command(machine.name.upper(), " ".join(words[:3]) + " ...")
    log = stage.folder / f"{command}-{time.monotonic_ns()}.log"
    started = stage.keep(processes.Server([stage.build.attestctl, *words[1:]], log, env=stage.env(machine)))
    started.wait_for(lambda: "listening on" in started.output(), "its port")
    started.at = re.search(r"listening on (\S+)", started.output())[1].replace("127.0.0.1", "localhost")
    return started


def connections(stage):
    identity = ["--cert", stage.web.cert("client.example"), "--key", stage.web.key("client.example")]
    stage.story.step("Attested TLS after the handshake, both ends proving what they run: A listens, B dials.")
    listening = server(stage, "listen")
    stage.accepted("dial and listen, JSON to CBOR", stage.b, ["attestctl", "dial", listening.at, *common(stage.b), *identity], "hello")
    stage.story.step("One end alone proves: B asks, A answers.")
    one_way = server(stage, "listen", "--mode", "server")
    stage.accepted("the server alone attests", stage.b, ["attestctl", "dial", one_way.at, "--mode", "server", *common(stage.b)], "hello")
    stage.refused("ends that disagree on who proves", stage.b, ["attestctl", "dial", one_way.at, "--mode", "none", *common(stage.b)])
    stage.story.step("HTTP inside: A serves, B asks; then any program of B through a proxy.")
    stage.serving = server(stage, "serve")
    stage.url = f"https://{stage.serving.at}/"
    stage.accepted("request and serve", stage.b, ["attestctl", "request", stage.url, *common(stage.b), *identity], "")
    through = server(stage, "proxy")
    stage.plain = ["curl", "-sS", "--fail", "-x", f"http://{through.at.replace('localhost', '127.0.0.1')}", f"http://{stage.serving.at}/"]
    stage.accepted("curl through the proxy", stage.b, stage.plain, "")
    stage.identity = identity


def a_change(stage):
    stage.story.step(f"Somebody replaces {chapters.CHANGED_FILE} on A: no connection is attested any more.")
    stage.a.tpm.measure_file(chapters.CHANGED_FILE, b"something else")
    stage.refused("request after one changed file", stage.b, ["attestctl", "request", stage.url, *common(stage.b), *stage.identity])
    stage.refused("curl through the proxy after it", stage.b, stage.plain)


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("-")]
    build = Build(args[0] if args else os.environ.get("ATTEST_BUILD", "build"))
    if build.missing():
        sys.exit(f"demo-cmc: not built: {', '.join(build.missing())} (make build)")
    folder = build.folder / "demo-cmc"
    processes.end_with_us(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start, here = time.monotonic(), pathlib.Path.cwd()
    os.chdir(folder)
    story = Story()
    with chapters.Stage(build, folder, story) as stage:
        for chapter in (the_machines, reports, containers, connections, a_change, an_unknown_container):
            chapter(stage)
        story.print_table()
    os.chdir(here)
    print(f"\n{bold(f'{time.monotonic() - start:.0f} s')}; every process it started has ended.")
    return 0 if story.good() else 1


if __name__ == "__main__":
    sys.exit(main())
