"""What a source object holds: the MD5 of its bytes, whatever its name and however it was put.

MD5, because it is the one digest that every store knows of what is put whole: it is the object's ETag, so a listing tells the content of
every such object and nothing is read. The ETag of a multipart upload is another for other sizes of part, and is no digest of the bytes. A
store's checksum is no way out: each client chooses its own kind, the kinds cannot be compared, and CRC32 is too short to name content. So
an object put in parts is read once, and its content is remembered under its key, size and ETag: `contents/<model>/<name>-<content>.json`.

Some stores give ETags that look like an MD5 and are none, for example of what they encrypt. A reading finds that out, because what was read
is always digested; from then on nothing but reading is believed: `contents/<model>/etag-is-no-md5.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from handlers.contracts import log
from handlers.storage import Changed, ObjectInfo, Store, content_digest, digest, write_once

AT_ONCE = 4  # objects that are read at the same time to learn their content
MD5 = re.compile(r"[0-9a-f]{32}")


def identities(store: Store, model: str, found: Iterable[ObjectInfo]) -> list[list[Any]]:
    """What makes each source object this object: [key, size, content], never its version or time, in the order of the keys.

    Reads what only reading can tell. Raises Changed for an object that is put again meanwhile.
    """
    listed = {info.key for info in store.list(_folder(model))}
    known = dict(key.removeprefix(_folder(model)).removesuffix(".json").split("-", 1) for key in listed - {_no_md5(model)})
    trusted = _no_md5(model) not in listed

    def content(info: ObjectInfo) -> str:
        there = known.get(_name(info))
        if there is None and trusted and MD5.fullmatch(info.etag):
            return info.etag
        return there or remember(store, model, info, content_digest(store, info.key, info.etag))

    with ThreadPoolExecutor(AT_ONCE) as readers:
        ordered = sorted(found, key=lambda info: info.key)
        return [[info.key, info.size, it] for info, it in zip(ordered, readers.map(content, ordered), strict=True)]


def remember(store: Store, model: str, info: ObjectInfo, content: str) -> str:
    """Keep what was read, for the next one who asks; the content."""
    seen = {"key": info.key, "size": info.size, "etag": info.etag, "content": content}
    write_once(store, f"{_folder(model)}{_name(info)}-{content}.json", seen)
    log("content read", key=info.key, content=content)
    return content


def download(store: Store, model: str, source: list[Any], to: Path) -> None:
    """Write the bytes of a source object [key, size, content] to a file; raises Changed when the bucket holds others under its key."""
    key, _, wanted = source
    try:
        # what was put whole has its content for an ETag: one request, which matters where objects are many and small
        if content_digest(store, key, wanted, to) == wanted:
            return
    except Changed:
        pass
    info = store.head(key)
    if info is None:
        raise Changed(key)
    content = content_digest(store, key, info.etag, to)
    if content != wanted:
        if info.etag == wanted:
            remember(store, model, info, content)
            write_once(store, _no_md5(model), {"key": key, "etag": info.etag, "content": content})
        raise Changed(key)


def _folder(model: str) -> str:
    return f"contents/{model}/"


def _no_md5(model: str) -> str:
    return f"{_folder(model)}etag-is-no-md5.json"


def _name(info: ObjectInfo) -> str:
    return digest([info.key, info.size, info.etag])
