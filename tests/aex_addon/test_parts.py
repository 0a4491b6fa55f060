"""The record that parts are handed around in."""

from __future__ import annotations

from aex_addon import clock
from aex_addon.parts import Parts
from tests.aex_addon.rig import Rig


def test_the_parts_of_a_gateway(rig: Rig) -> None:
    """One record per gateway; its clock is the machine's unless a test says otherwise."""
    parts = rig.assembly.parts
    assert isinstance(parts, Parts)
    assert rig.pipeline.parts is parts
    assert parts.now is clock.utc_now
