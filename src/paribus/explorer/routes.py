"""What the explorer's page asks for."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter


def router(runs: list[Path]) -> APIRouter:
    """The requests of the explorer's page."""
    made = APIRouter()

    @made.get("/models")
    def models() -> list[str]:
        return [run.name for run in runs]

    return made
