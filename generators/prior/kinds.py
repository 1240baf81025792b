"""What a prior's numbers stand for. Nothing here imports torch."""

from __future__ import annotations

from typing import Literal

Space = Literal["z", "w"]
