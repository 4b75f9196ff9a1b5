"""Which vocabularies a training's rows stand for, noted in its folder."""

from __future__ import annotations

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import hash_file
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.whole_files import write_whole

__all__ = ["VOCABULARIES_FILE", "note_vocabularies", "noted_vocabularies"]

VOCABULARIES_FILE = "vocabularies.json"
_ASSETS = "transform_fn/assets"


def note_vocabularies(folder: str, transform_graph: str | None) -> None:
    """Notes the digests of a transform graph's assets, by name.

    Args:
        folder: the training's.
        transform_graph: folder of the graph; None where the training has none.
    """
    assets = f"{transform_graph}/{_ASSETS}"
    there = files_for(assets)
    found = {}
    if transform_graph is not None and there.exists(assets):
        _, _, names = next(iter(there.walk(assets)), (assets, [], []))
        found = {str(name): hash_file(f"{assets}/{name}") for name in names}
    path, files = f"{folder}/{VOCABULARIES_FILE}", files_for(folder)
    write_whole(path, dumps(found), files.open, files.rename)


def noted_vocabularies(folder: str) -> dict[str, str]:
    """Digests by name; none where nothing was noted.

    Raises:
        DamagedFileError: if the note is damaged.
    """
    path, files = f"{folder}/{VOCABULARIES_FILE}", files_for(folder)
    return read(path, dict[str, str], files) if files.exists(path) else {}
