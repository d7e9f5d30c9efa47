"""The drawn pictures are what they say: the same for a seed, true to their own geometry, and empty where no code is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from cart_client.reading import manifest, peers
from pointofcare.labels import gs1
from simulation.scan_set import command, levels, negative, oracle, prints, scene, shot

SEED = 7


def test_sixty_scenes_of_a_level_hold_the_agreed_mix() -> None:
    kinds = levels.kinds()
    assert len(kinds) == 60
    assert {kind: kinds.count(kind) for kind in levels.MIX} == levels.MIX
    assert [level.name for level in levels.LEVELS] == ["L1", "L2", "L3", "L4", "L5"]


def test_the_same_seed_gives_the_same_picture_and_another_gives_another() -> None:
    first, other = shot.taken(scene.draw(SEED, 3)), shot.taken(scene.draw(SEED + 1, 3))
    scene.draw.cache_clear()
    again = shot.taken(scene.draw(SEED, 3))
    assert first.jpeg == again.jpeg
    assert np.array_equal(first.corners, again.corners)
    assert first.jpeg != other.jpeg


@pytest.mark.parametrize("number", range(0, 25, 5))
def test_an_easy_picture_is_read_by_whoever_knows_where_to_look(number: int) -> None:
    taken = shot.taken(scene.draw(SEED, number))
    assert oracle.reads(taken)
    assert taken.image.shape[:2] in {(720, 1280), (1080, 1920)}
    assert (taken.corners > 0).all()
    assert (taken.corners < np.array(taken.scene.size)).all()


def test_the_corners_are_where_a_reader_finds_the_symbol() -> None:
    import zxingcpp

    seen = 0
    for number in range(0, 30, 5):
        taken = shot.taken(scene.draw(SEED, number))
        if taken.scene.label.printed.linear:
            continue
        for found in zxingcpp.read_barcodes(cv2.cvtColor(taken.image, cv2.COLOR_BGR2GRAY)):
            place = found.position
            points = np.array([(corner.x, corner.y) for corner in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)])
            assert np.abs(points - taken.corners).max() < 3 * taken.scene.module_px
            seen += 1
    assert seen >= 3


@pytest.mark.parametrize("radius_mm", [None, 26.0, 34.0])
def test_rays_and_projection_agree_on_a_crinkled_tilted_surface(radius_mm: float | None) -> None:
    of = scene.of_kind("agree", 0, levels.LEVELS[3], "c128-band")
    surface = scene.held(of).surface
    bent = type(surface)(
        focal_px=surface.focal_px,
        centre_px=surface.centre_px,
        turn=surface.turn,
        middle=surface.middle,
        radius_mm=radius_mm,
        waves=surface.waves,
    )
    u, v = np.meshgrid(np.linspace(-12, 12, 9), np.linspace(-6, 6, 5))
    seen = bent.seen_at(np.stack([u, v], axis=-1))
    back_u, back_v, meets, normal = bent.lies_at(seen[..., 0], seen[..., 1])
    assert (meets > 0).all()
    assert np.abs(back_u - u).max() < 0.01
    assert np.abs(back_v - v).max() < 0.01
    assert (normal[..., 2] < 0).all()


def test_what_is_printed_is_valid_by_the_standard_and_not_only_by_the_writer() -> None:
    import random

    for kind in levels.MIX:
        for number in range(8):
            printed = prints.contents(kind, random.Random(f"{kind} {number}"))
            if printed.identifier in {"]d2", "]C1", "]Q3"}:
                assert gs1.parse(printed.content, today=date(2026, 11, 22))
            elif printed.symbology == "EAN13":
                digits = [int(digit) for digit in printed.content.decode()]
                assert sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
    assert "ễ".encode() in b"".join(prints.contents("cccd-qr", random.Random(n)).content for n in range(40))


def test_a_label_brought_into_view_comes_from_outside_and_comes_to_rest() -> None:
    of = scene.draw(SEED, 0)
    way = [scene.outline(of, scene.arriving(of, frame / 30)).mean(axis=0) for frame in (0, 10, 30, 60)]
    away = [float(np.linalg.norm(place - np.array(of.at_px))) for place in way]
    assert away[0] > 0.8 * of.size[0]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 25
    first, last = scene.arriving(of, 0.0), scene.arriving(of, 3.0)
    assert first.motion_px > 10 > last.motion_px + 5


def test_a_picture_without_a_code_holds_none() -> None:
    read = peers.zxing_split()
    for number in range(len(negative.KINDS)):
        grey = cv2.imdecode(np.frombuffer(negative.taken(SEED, number), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert read(grey) == set(), (number, negative.kind_of(number))


def test_the_command_writes_pictures_and_a_manifest_that_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    assert command.run(["--seed", "3", "--scenes", "3", "--frames", "2", "--negatives", "2", "--out", str(folder)]) == 0
    entries = manifest.read(folder)
    assert len(entries) == 8
    assert {file.name for file in folder.glob("*.jpg")} == set(entries)
    first = entries["s00000-0.jpg"]
    assert first.level == "L1"
    assert first.expected[0].content == scene.draw(3, 0).label.printed.content
    assert len(first.more["corners"].split()) == 4
    assert entries["n00000.jpg"].expected == ()
    (folder / "thesis.odt").write_text("not ours")
    assert command.run(["--scenes", "1", "--out", str(folder)]) == 2
    assert "other files" in capsys.readouterr().out
