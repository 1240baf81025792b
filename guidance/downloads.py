"""The only way to the network: published weights and the files beside them, from the cache where they are in it.

Nothing else of the package, nor a library that it hands file names to, is given a name that it would look up: a hub
repository becomes a file or a folder on this machine here, or an error in one line.
"""

from __future__ import annotations

import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.utils import EntryNotFoundError  # type: ignore[attr-defined]  # in `errors` only in newer releases
from open_clip.pretrained import download_pretrained_from_url

from .._base import MissingError

# A machine without a network should say so at once; the clients themselves try for a minute.
_SECONDS = 1.5
_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


def fetch(
    repo: str, files: Sequence[str], name: str, cache_dir: str | None = None, offline: bool = False
) -> Path:
    """The first of these files that a hub repository has.

    A file in the cache is used as it is, without asking whether there is a newer one: the same recipe, the same model.

    Args:
        name: what it is for, for errors.
        offline: look in the cache alone; no connection is opened.

    Raises:
        MissingError: none of them is in the cache, and they cannot be fetched.
    """
    for file in files:
        if isinstance(cached := _looked_up(repo, file, cache_dir), str):
            return Path(cached)
    _need_network(name, f"{files[0]} of {repo}", constants.ENDPOINT, offline or constants.HF_HUB_OFFLINE)
    reason = ""
    for file in files:
        try:
            return Path(huggingface_hub.hf_hub_download(repo, file, cache_dir=cache_dir))
        # The hub's own errors are OSErrors and ValueErrors; a plain RuntimeError is the http client's.
        except (OSError, ValueError, RuntimeError) as error:
            reason = reason or _first_line(error)
    raise MissingError(not_here(name, reason))


def fetch_folder(
    repo: str, files: Sequence[str], name: str, cache_dir: str | None = None, offline: bool = False
) -> Path:
    """The folder that holds those of these files that a hub repository has; `fetch` for libraries that take a folder.

    Raises:
        MissingError: as `fetch`; or the repository has none of them.
    """
    looked = [_looked_up(repo, file, cache_dir) for file in files]
    found = [Path(each) for each in looked if isinstance(each, str)]
    # What is known not to exist is marked in the cache; what is unknown was cut short, and is fetched if it can be.
    if found and (offline or constants.HF_HUB_OFFLINE or None not in looked):
        return found[0].parent
    _need_network(name, f"{files[0]} of {repo}", constants.ENDPOINT, offline or constants.HF_HUB_OFFLINE)
    for file in files:
        try:
            found.append(Path(huggingface_hub.hf_hub_download(repo, file, cache_dir=cache_dir)))
        except EntryNotFoundError:
            continue
        except (OSError, ValueError, RuntimeError) as error:
            raise MissingError(not_here(name, _first_line(error))) from error
    if not found:
        raise MissingError(not_here(name, f"{repo} has none of {', '.join(files)}"))
    return found[0].parent


def fetch_url(url: str, name: str, cache_dir: str | None = None, offline: bool = False) -> Path:
    """A file of published weights by its address; its hash is checked when it is fetched.

    Raises:
        MissingError: it is not in the cache, and it cannot be fetched.
    """
    folder = Path(cache_dir) if cache_dir else Path.home() / ".cache" / "clip"
    cached = folder / url.rpartition("/")[2]
    if offline and cached.is_file():
        return cached
    if not cached.is_file():
        _need_network(name, cached.name, url, offline)
    try:
        return Path(download_pretrained_from_url(url, cache_dir=str(folder)))
    except (OSError, RuntimeError) as error:
        raise MissingError(not_here(name, _first_line(error))) from error


def not_here(name: str, reason: str) -> str:
    """Why published weights cannot be had, and what to do."""
    return f"no weights for '{name}': {reason}; download once with a network, or give ARCH=path/to/weights"


def _looked_up(repo: str, file: str, cache_dir: str | None) -> object:
    """A file in the cache, as text; a mark if the repository has none; None if that is unknown. Opens no connection."""
    try:
        return huggingface_hub.try_to_load_from_cache(repo, file, cache_dir=cache_dir)
    except (OSError, ValueError):  # no name of a repository; asked for it, the hub says why
        return None


def _need_network(name: str, wanted: str, url: str, offline: bool) -> None:
    """Find out whether a file can be fetched before a client tries to for a minute.

    Raises:
        MissingError: it cannot.
    """
    if offline:
        reason = f"{wanted} is not in the cache and downloads are off (--allow-download lets rerun fetch it)"
        raise MissingError(not_here(name, reason))
    host, port = _first_stop(url)
    if not _reachable(host, port):
        raise MissingError(not_here(name, f"{wanted} is not in the cache and {host} cannot be reached"))


def _first_stop(url: str) -> tuple[str, int]:
    """Host and port of the address, or of the proxy that leads there."""
    parts = urllib.parse.urlsplit(url)
    host, proxies = parts.hostname or "", urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    with suppress(OSError):
        if urllib.request.proxy_bypass(host):
            proxy = None
    if proxy:
        parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT)


def _reachable(host: str, port: int) -> bool:
    connected = threading.Event()

    def connect() -> None:
        with suppress(OSError, UnicodeError):
            socket.create_connection((host, port), _SECONDS).close()
            connected.set()

    # In a thread, because looking up a name has no limit of time.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return connected.is_set()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
