"""Firmware to somebody else's microcontroller: how long an upload and a whole update take, and what the line costs.

Run `python -m benchmarks.firmware [--quick]`. The echo goes to Zephyr as a Linux program in real time. Upload and update go to Zephyr
and MCUboot in QEMU, whose serial line has no speed of its own: so the bytes on the wire are counted, and what they take at 115200 baud
is told beside what was measured. docs/firmware-peers.md says what these peers cannot show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smp import packet
from smpclient.requests.os_management import EchoWrite

from benchmarks.measure import save, spread
from firmware_bridge import group
from firmware_bridge.images import Images, StatesRead
from firmware_bridge.link import Link
from simulation import zephyr_peer
from tests.support.zephyr import Board, Wire, a_board, build

BAUD, BITS_A_BYTE = 115_200, 10
SIZES = (170, 256, 512)
LOST_EVERY = 20


@dataclass(slots=True)
class _Count:
    """Bytes on the wire, either way."""

    wire: int = 0

    def __call__(self, data: bytes, _inwards: bool) -> bytes:
        self.wire += len(data)
        return data


def run(quick: bool = False) -> dict[str, Any]:
    rounds = 1 if quick else 3
    with a_board() as board:
        uploads = [_upload(board, at_once, rounds) for at_once in SIZES]
        lossy = _lossy(board)
        updates = [_update(board, keep=True) for _ in range(rounds)]
        reverts = [_update(board, keep=False) for _ in range(rounds)]
    return {
        "echo_ms": _echo(40 if quick else 200),
        "messages": _messages(),
        "uploads": uploads,
        "lossy": lossy,
        "update_s": spread(updates),
        "revert_s": spread(reverts),
    }


def _echo(count: int) -> dict[str, float]:
    with zephyr_peer.native_sim() as port:
        link = Link(port, timeout_s=1.0)
        link.start()
        try:
            link.ask(lambda: EchoWrite(d="first"))
            took = []
            for _ in range(count):
                begun = time.perf_counter()
                link.ask(lambda: EchoWrite(d="xin chao"))
                took.append((time.perf_counter() - begun) * 1000)
        finally:
            link.stop()
    return spread(took)


def _messages() -> list[dict[str, Any]]:
    """What one message is on the wire, and how long it is on a line of 115200 baud."""
    asked = {
        "unlock": group.Unlock(d=3, id="0195f3c2-7d2e-7cc3-98c4-dc0c0c07398f", ttl_ms=5000),
        "events": group.Events(after=41, boot="9f2c41aa07be31d5"),
        "image states": StatesRead(),
    }
    rows = []
    for name, message in asked.items():
        plain, wire = len(bytes(message)), sum(len(line) for line in packet.encode(bytes(message)))
        rows.append({"message": name, "smp_bytes": plain, "wire_bytes": wire, "ratio": round(wire / plain, 2), "line_ms": _line_ms(wire)})
    return rows


def _line_ms(wire_bytes: int) -> float:
    return round(wire_bytes * BITS_A_BYTE / BAUD * 1000, 1)


def _upload(board: Board, at_once: int, rounds: int) -> dict[str, Any]:
    took, retries, wire, size = [], 0, 0, 0
    for _ in range(rounds):
        board.settle()
        image, count, before = build(), _Count(), board.link.status.retries
        board.microbit.on_wire = count
        begun = time.perf_counter()
        Images(board.link, at_once=at_once, erase_s=2.0).upload(image.data)
        took.append(time.perf_counter() - begun)
        retries += board.link.status.retries - before
        wire, size = count.wire, len(image.data)
    seconds = spread(took)
    return {
        "at_once": at_once,
        "image_bytes": size,
        "wire_bytes": wire,
        "ratio": round(wire / size, 2),
        "seconds": seconds,
        "kb_per_s": round(size / seconds["p50"] / 1000, 1),
        "line_s": round(_line_ms(wire) / 1000, 1),
        "retries": retries,
    }


def _lossy(board: Board) -> dict[str, Any]:
    """The same with every twentieth answer lost."""
    board.settle()
    image, before = build(), board.link.status.retries
    board.microbit.on_wire = Wire(lose=set(range(LOST_EVERY, 2000, LOST_EVERY)))
    begun = time.perf_counter()
    Images(board.link, at_once=256, answer_s=0.5, erase_s=2.0).upload(image.data)
    took = time.perf_counter() - begun
    board.settle()
    return {"lost_every": LOST_EVERY, "seconds": round(took, 2), "retries": board.link.status.retries - before}


def _update(board: Board, *, keep: bool) -> float:
    """Seconds from the first byte until the new image runs and is confirmed, or until the old one runs again."""
    old, image = board.settle(), build()
    begun = time.perf_counter()
    board.images.upload(image.data)
    board.images.mark_test(image.hash)
    board.restart()
    if keep:
        board.images.confirm(image.hash)
    else:
        board.restart()
    took = time.perf_counter() - begun
    running = board.images.image_states()[0]
    if (running.hash, running.confirmed) != (image.hash if keep else old.hash, True):
        raise RuntimeError(f"after the update runs {running}")
    return took


def table(result: Mapping[str, Any]) -> str:
    echo = result["echo_ms"]
    lines = [
        f"echo to Zephyr (native_sim), {echo['count']} times: p50 {echo['p50']:.1f} ms, p95 {echo['p95']:.1f}, most {echo['max']:.1f}",
        "",
        f"{'message':<14}{'SMP bytes':>10}{'on the wire':>13}{'ratio':>7}{'at 115200 baud':>16}",
    ]
    lines += [
        f"{row['message']:<14}{row['smp_bytes']:>10}{row['wire_bytes']:>13}{row['ratio']:>7}{row['line_ms']:>13.1f} ms"
        for row in result["messages"]
    ]
    lines += [
        "",
        f"{'upload in QEMU':<16}{'image':>8}{'on the wire':>13}{'ratio':>7}{'p50':>9}{'rate':>11}{'retries':>9}{'at 115200 baud':>16}",
    ]
    lines += [
        f"{row['at_once']:>5} B at once   {row['image_bytes']:>6}{row['wire_bytes']:>13}{row['ratio']:>7}{row['seconds']['p50']:>7.1f} s"
        f"{row['kb_per_s']:>6} kB/s{row['retries']:>9}{row['line_s']:>14.1f} s"
        for row in result["uploads"]
    ]
    lossy, update, revert = result["lossy"], result["update_s"], result["revert_s"]
    lines += [
        f"every {lossy['lost_every']}th answer lost: {lossy['seconds']} s, {lossy['retries']} retries",
        "",
        f"upload, test, swap, confirm: p50 {update['p50']:.1f} s of {update['count']}",
        f"upload, test, swap, taken back: p50 {revert['p50']:.1f} s of {revert['count']}",
    ]
    return "\n".join(lines)


def main() -> None:
    result = run("--quick" in sys.argv[1:])
    print(table(result))
    save("firmware", result)


if __name__ == "__main__":
    main()
