"""Models on the Hugging Face Hub: fetched into the cache of huggingface_hub, and put there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.base.files import read_bytes
from paribus.base.network import hub_is_reachable
from paribus.base.parsing import from_json

NOT_HERE, NOT_UPLOADED = "There is no such folder here", "Nothing was uploaded"
WEIGHTS = ["model.safetensors", "sampler.safetensors"]
UPLOADED = ["config.json", *WEIGHTS, "samples.png", "README.md"]
"""The files of an exported model; nothing else that lies in its folder leaves this machine."""


def fetched(repository: str, revision: str | None = None) -> Path:
    """The folder of a model on the Hub, with the files that loading needs; downloaded where they are not here yet.

    The configuration comes first: the weights of a repository that is something else are not fetched.

    Args:
        repository: Its id, org/name.
        revision: A branch, tag or commit; the newest by default.

    Raises:
        ParibusError: There is no such repository or revision, it is no model of Paribus, or the Hub cannot be reached
            (found out within about a second) and it was not fetched before.
    """
    from huggingface_hub import snapshot_download

    offline = not hub_is_reachable()
    with _in_words(repository, NOT_HERE, revision):
        folder = Path(
            snapshot_download(repository, revision=revision, allow_patterns="config.json", local_files_only=offline)
        )
        if not is_ours(folder / "config.json"):
            raise ParibusError(
                "This is not a Paribus model.",
                where=repository,
                got="no config.json of Paribus in it",
                expected="a repository that 'paribus export --push' or paribus.push made",
            )
        # of the same commit, whatever is pushed meanwhile
        snapshot_download(repository, revision=folder.name, allow_patterns=WEIGHTS, local_files_only=offline)
    return folder


def is_ours(path: Path) -> bool:
    """Whether a file is the config.json of a Paribus model."""
    try:
        record = from_json(read_bytes(path))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and {"format", "image"} <= record.keys() and isinstance(record.get("config"), dict)


def uploaded(folder: Path, repository: str, *, private: bool = False, token: str | None = None) -> str:
    """Puts an exported model into a repository for models, in one commit, and gives its address.

    Args:
        folder: Those of its files that `UPLOADED` names are uploaded.
        repository: Its id, org/name; made where there is none.
        private: Whether a new repository is private.
        token: Of an account that may write there; by default the one that huggingface_hub is logged in with.

    Raises:
        ParibusError: The Hub cannot be reached, or it refuses.
    """
    from huggingface_hub import HfApi

    if not hub_is_reachable():
        raise _unreachable(repository, NOT_UPLOADED)
    api = HfApi(token=token)
    with _in_words(repository, NOT_UPLOADED):
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            folder_path=folder, repo_id=address.repo_id, allow_patterns=UPLOADED, commit_message="Upload from Paribus"
        )
    return str(address)


@contextmanager
def _in_words(repository: str, failed: str, revision: str | None = None) -> Iterator[None]:
    """Says what huggingface_hub raises as an error that a user can act on."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalTokenNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except RevisionNotFoundError as error:
        raise ParibusError(
            "The model has no such revision.", where=repository, got=revision, expected="a branch, a tag or a commit"
        ) from error
    except RepositoryNotFoundError as error:  # the Hub says the same of private ones
        raise ParibusError(
            "There is no such folder here, and no such model on the Hub, or it is private.",
            where=repository,
            expected="a run's folder here, or the id of a repository (org/name)",
            fix="check the id; for a private one log in with 'hf auth login', or set HF_TOKEN",
        ) from error
    except HFValidationError as error:
        raise ParibusError(
            "This is not the id of a repository.", where=repository, got=str(error).splitlines()[0], expected="org/name"
        ) from error
    except (LocalTokenNotFoundError, HfHubHTTPError, ValueError) as error:  # the last is of a card's header
        raise ParibusError(
            "The Hub refuses.",
            where=repository,
            got=" ".join(str(error).split()),
            fix="log in with 'hf auth login' as somebody who may do this, or set HF_TOKEN",
        ) from error
    except EntryNotFoundError as error:
        raise _unreachable(repository, failed) from error
    except (OSError, RuntimeError) as error:
        raise ParibusError(
            f"{failed}: the connection to the Hugging Face Hub broke.",
            where=repository,
            got=str(error).splitlines()[0],
            fix="try again",
        ) from error


def _unreachable(repository: str, failed: str) -> ParibusError:
    return ParibusError(
        f"{failed}, and the Hugging Face Hub cannot be reached.",
        where=repository,
        got="no network, or offline mode is set (HF_HUB_OFFLINE)",
        expected="a folder here, or a network" if failed == NOT_HERE else "a network",
        fix="check the spelling and the folder you are in, or try again with a network"
        if failed == NOT_HERE
        else "try again with a network",
    )
