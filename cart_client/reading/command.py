"""`pointofcare-cart read FILE|FOLDER|URL ...`: one line a picture, a score where the folder says what is printed, other readers beside.

Ends with 0; 1 when something was misread; 2 when nothing could be read from a file or its manifest; 3 when a picture does not show the
Pharmacode that was expected. Needs no configuration, no chart and
no network beyond the stream it is pointed at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from cart_client.reading import answer, manifest, peers, pictures
from cart_client.reading.answer import Answer
from cart_client.reading.score import Score, table
from devices import registry
from devices.ports import Camera, Decoder
from pointofcare.errors import ConfigError, PointOfCareError

MISREAD, UNREADABLE, NOT_SHOWN = 1, 2, 3
OURS = "this cart"


def main(arguments: Sequence[str], *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    out, err = out or sys.stdout, err or sys.stderr
    chosen = _parser().parse_args(arguments)
    try:
        decoder = registry.decoder(chosen.decoder, symbologies=[name for name in chosen.symbologies.split(",") if name])
        if chosen.pharmacode is not None:
            ends = [_compared(source, chosen, out, err) for source in chosen.sources]
            return UNREADABLE if UNREADABLE in ends else max(ends)
        ends = [_of_source(source, chosen, decoder, out, err) for source in chosen.sources]
    except PointOfCareError as exc:
        err.write(f"{answer.shown(str(exc), 1000)}\n")
        return UNREADABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return MISREAD if MISREAD in ends else max(ends)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointofcare-cart read", description="read pictures or a stream with the cart's own reader")
    parser.add_argument(
        "sources", nargs="+", metavar="FILE|FOLDER|URL", help="pictures; a folder of them; http(s) picture or MJPEG, rtsp, or opencv:0"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--compare", action="store_true", help="zxing-cpp and pyzbar on the same pictures, as a table")
    parser.add_argument("--decoder", default="cascade", choices=sorted(registry.DECODERS), help="default: cascade, the cart's own")
    parser.add_argument(
        "--symbologies",
        default="",
        metavar="NAME,...",
        help="read these too, as cart.toml's [devices] symbologies: ean-8,code-39,itf-14,...",
    )
    parser.add_argument(
        "--pharmacode", type=int, metavar="N", help="only whether pictures show this Pharmacode, from left to right; it is never read"
    )
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="of a stream: so many pictures (default: until Ctrl-C)")
    parser.add_argument("--quiet", action="store_true", help="only what was misread or could not be opened, and the score")
    return parser


def _of_source(source: str, chosen: argparse.Namespace, decoder: Decoder, out: TextIO, err: TextIO) -> int:
    if pictures.is_web(source) and (still := pictures.fetched(source)) is not None:
        _tell(answer.given(decoder, source, still.image, notes=still.notes), "", {}, chosen, out)
        return 0
    camera = pictures.stream(source)
    if camera is not None:
        return _streamed(camera, chosen, decoder, out)
    place = Path(source)
    entries = manifest.read(place) if (place / manifest.NAME).exists() else {}
    others = _peers(err) if chosen.compare else {}
    scores = {name: Score(name) for name in (OURS, *others)}
    unreadable = seen = 0
    for name, file in pictures.listed(place, entries):
        seen += 1
        unreadable += not _one(name, file, entries.get(name), chosen, decoder, others, scores, out)
    if not seen:
        err.write(f"{answer.shown(source)}: holds no picture ({', '.join(sorted(pictures.SUFFIXES))})\n")
        return UNREADABLE
    if entries:
        _sum(list(scores.values()), chosen, out)
    if scores[OURS].all.wrong:
        return MISREAD
    return UNREADABLE if unreadable else 0


def _one(
    name: str,
    file: Path,
    entry: manifest.Entry | None,
    chosen: argparse.Namespace,
    decoder: Decoder,
    others: Mapping[str, peers.Read],
    scores: Mapping[str, Score],
    out: TextIO,
) -> bool:
    """One picture, told and scored. False when it could not be read at all."""
    try:
        opened = pictures.opened(file)
    except pictures.PictureError as exc:
        if entry is not None:
            for score in scores.values():
                score.add(entry, (), 0.0)
        _tell(Answer(file=name, error=(exc.why, str(exc))), "", {}, chosen, out)
        return False
    told = answer.given(decoder, name, opened.image, notes=opened.notes, again=not chosen.compare)
    verdict = scores[OURS].add(entry, told.contents, told.ms) if entry is not None else None
    more: dict[str, object] = {} if verdict is None else {"verdict": verdict.word}
    beside: dict[str, dict[str, object]] = {}
    for peer, read in others.items():
        found, ms = peers.timed(read, answer.fitted(opened.image)[0])
        beside[peer] = {"texts": sorted(map(manifest.escaped, found)), "ms": round(ms, 1)}
        if entry is not None:
            scores[peer].add(entry, found, ms)
    if beside:
        more["others"] = beside
    if not (chosen.quiet and verdict is not None and not verdict.wrong):
        _tell(told, verdict.word if verdict else "", more, chosen, out)
    return told.error is None


def _compared(source: str, chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Whether each picture of `source` shows the expected Pharmacode. Raises: ConfigError for a number that cannot be told for sure."""
    number = chosen.pharmacode
    compared = registry.comparison()
    if why := compared.unfit(number):
        raise ConfigError(why, problems=(("--pharmacode", why),))
    end = seen = 0
    for name, file in pictures.listed(Path(source), {}):
        seen += 1
        try:
            image = answer.fitted(pictures.opened(file).image)[0]
        except pictures.PictureError as exc:
            _tell(Answer(file=name, error=(exc.why, str(exc))), "", {}, chosen, out)
            end = UNREADABLE
            continue
        is_there = compared.shows(answer.frame_of(image), number)
        out.write(answer.comparison(name, number, is_there=is_there, as_json_=chosen.json) + "\n")
        end = end or (0 if is_there else NOT_SHOWN)
    if not seen:
        err.write(f"{answer.shown(source)}: holds no picture ({', '.join(sorted(pictures.SUFFIXES))})\n")
    return end if seen else UNREADABLE


def _streamed(camera: Camera, chosen: argparse.Namespace, decoder: Decoder, out: TextIO) -> int:
    try:
        for number, frame in enumerate(_frames(camera, chosen.frames), start=1):
            told = answer.given(decoder, f"{camera.describe()} {number}", frame, number=number, again=False)
            if not (chosen.quiet and not told.look.readings):
                _tell(told, "", {}, chosen, out)
    finally:
        camera.close()
    return 0


def _frames(camera: Camera, most: int) -> Iterator[object]:
    for number, frame in enumerate(camera.frames(), start=1):
        yield frame.image
        if number == most:
            return


def _tell(told: Answer, verdict: str, more: Mapping[str, object], chosen: argparse.Namespace, out: TextIO) -> None:
    out.write((answer.as_json(told, more) if chosen.json else answer.for_person(told, verdict, more)) + "\n")
    out.flush()


def _sum(scores: list[Score], chosen: argparse.Namespace, out: TextIO) -> None:
    if chosen.json:
        out.write(answer.safe_json({"score": [score.rows() for score in scores]}) + "\n")
    else:
        out.write(f"\n{table(scores)}\n")


def _peers(err: TextIO) -> Mapping[str, peers.Read]:
    try:
        return peers.readers()
    except (ImportError, OSError) as exc:
        err.write(f"no other reader to compare with: {exc}\n")
        return {}
