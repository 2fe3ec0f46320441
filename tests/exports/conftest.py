from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paribus.data import ImageData
from paribus.results.folder import RunFolder
from paribus.runs.run import Run, complete_run
from tests.conftest import made_data, tiny_config
from tests.hub_server import Hub, running_hub


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished, scored run of a conditional VAE."""
    place = tmp_path_factory.mktemp("run") / "cvae-run"
    data: ImageData = made_data(n=64)
    quick = {"evaluation": {"metrics": ["frechet", "mse", "samples_per_second"], "encoder": "pixels", "samples": 64}}
    config = tiny_config("vae", "objective.conditional=true", data={"name": "made"}, **quick)
    return complete_run(config, data, RunFolder(place))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The stand-in, as huggingface_hub finds it; its cache is a folder of the test's own."""
    from huggingface_hub import constants

    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        # the library reads its environment once, when it is imported
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server
