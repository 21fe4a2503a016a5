"""Published weights from the Hugging Face hub, or a mirror of it, kept in a cache folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from ...domain.downloads.descriptions import RemoteFile
from ...domain.errors import DownloadError
from ...domain.ports.downloading import Fetcher
from ..claim import in_turn

_POINTER = re.compile(r"version https://git-lfs[^\n]*\noid (sha256:[0-9a-f]{64})\nsize (\d+)\n")
_TRUE = {"1", "ON", "YES", "TRUE"}


@frozen
class HuggingFaceHub:
    """Implements ``WeightHub``. Files are checked against the SHA-256 that the repository itself holds of them.

    The hub keeps large files outside of its Git repositories, which hold a pointer with the digest in their place
    (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). A mirror without pointers is believed.

    Attributes:
        fetcher: gets files.
        cache: folder to keep them in.
        endpoint: address of the hub, from HF_ENDPOINT.
        offline: only look into the cache, from HF_HUB_OFFLINE.
    """

    fetcher: Fetcher
    cache: Path
    endpoint: str = "https://huggingface.co"
    offline: bool = False

    def weights(self, repository: str, file: str) -> Path:
        """See the port."""
        target = self.cache / "weights" / repository / file
        url = f"{self.endpoint}/{repository}/resolve/main/{file}"
        if self.offline:
            if not target.exists():
                raise _by_hand(f"{repository} is not in the cache {self.cache}, and HF_HUB_OFFLINE is set.", url)
            return target
        try:
            # Two that fetched at once would write into the same part; who comes second finds it whole.
            with in_turn(target.with_name(f".{file}.lock")):
                return self._fetched(repository, file, url, target)
        except DownloadError as error:
            raise _by_hand(error.message, url) from None
        except OSError as error:
            raise _by_hand(f"{target} cannot be written: {error.strerror or error}.", url) from None

    def _fetched(self, repository: str, file: str, url: str, target: Path) -> Path:
        pointer = f"{self.endpoint}/{repository}/raw/main/{file}"
        digest, size = self._promised(pointer, target.with_name(f"{file}.pointer"))
        self.fetcher.fetch(RemoteFile(url, file, digest, size), target, _nobody, _never)
        return target

    def _promised(self, address: str, pointer: Path) -> tuple[str, int | None]:
        """Digest and size of the file, fetched once as well; ("", None) where nobody says."""
        try:
            self.fetcher.fetch(RemoteFile(address, pointer.name), pointer, _nobody, _never)
        except DownloadError as error:
            if not error.missing:
                raise
            return "", None
        found = _POINTER.match(pointer.read_text(encoding="utf-8", errors="replace"))
        return (found[1], int(found[2])) if found else ("", None)


def hub_of(environment: Mapping[str, str], fetcher: Fetcher) -> HuggingFaceHub:
    """As the variables say: HF_ENDPOINT, HF_HUB_OFFLINE, and SEGPORT_CACHE or XDG_CACHE_HOME."""
    return HuggingFaceHub(
        fetcher,
        cache=_cache(environment),
        endpoint=(environment.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"),
        offline=environment.get("HF_HUB_OFFLINE", "").upper() in _TRUE,
    )


def _cache(environment: Mapping[str, str]) -> Path:
    """The home is asked for last: a process may have none, and then it is the folder it works in."""
    if own := environment.get("SEGPORT_CACHE"):
        return Path(own)
    if caches := environment.get("XDG_CACHE_HOME"):
        return Path(caches) / "segport"
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    return home / ".cache" / "segport"


def _by_hand(problem: str, url: str) -> DownloadError:
    return DownloadError(
        problem,
        fix=f"Get {url} by other means and give the file: --encoder-weights FILE. Or name a mirror in HF_ENDPOINT.",
    )


def _nobody(done: int, total: int | None) -> None:
    """Listens to nothing."""


def _never() -> bool:
    return False
