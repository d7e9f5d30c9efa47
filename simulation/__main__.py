"""`pointofcare-demo COMMAND`: the virtual hospital, for a person and unattended."""

from __future__ import annotations

import importlib
import sys

_COMMANDS = {
    "demo": ("simulation.demo", "the whole hospital on this machine, until Ctrl-C"),
    "training": ("simulation.training", "the same for people who learn, apart from everything: every screen says so"),
    "once": ("simulation.once", "one dose unattended, from the camera's frame to the EMR, proven"),
    "emr-once": ("simulation.emr_once", "an order from a real FHIR server to the bedside and back, unattended, proven"),
    "screenshots": ("simulation.screenshots", "write the pictures of docs/screenshots anew"),
    "scan-set": ("simulation.scan_set.command", "pictures of wristbands, packs and labels in five levels, with the truth beside"),
    "fleet": ("simulation.fleet.training", "a fleet of virtual carts to learn on, with something that goes wrong in it"),
    "fleet-load": ("simulation.fleet.load", "hundreds of virtual carts against a server and a broker of their own, and what that costs"),
    "province": (
        "simulation.province.run",
        "a cluster of brokers and two databases for several hospitals; what fails is killed, and doses are counted",
    ),
    "scale": ("simulation.scale.command", "fill an empty PostgreSQL with a made-up province, to see what size costs"),
    "asyncapi": ("simulation.asyncapi", "print the MQTT contract as an AsyncAPI document"),
}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in _COMMANDS:
        print("usage: pointofcare-demo COMMAND ...\n")
        for name, (_, what) in _COMMANDS.items():
            print(f"  {name:12} {what}")
        return 2
    module = importlib.import_module(_COMMANDS[sys.argv[1]][0])
    return int(module.run(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
