"""Withdraws the verdict on a model.

TFX's resolvers take the newest model for which some ModelBlessing says `blessed` 1. A model
that should be found no more, e.g. by an older TFX that cannot evaluate it, loses that.
"""

from __future__ import annotations

import time

from tfx_estimators.lineage.models import BLESSING, Model
from tfx_estimators.lineage.properties import fill, value_of
from tfx_estimators.lineage.select import Condition, select
from tfx_estimators.lineage.store import Store

__all__ = ["withdraw"]

_WITHDRAWN = "tfx_estimators.withdrawn"


def withdraw(store: Store, model: Model) -> int:
    """Has every verdict that blesses a model bless it no more, and says on each when.

    Args:
        store: opened for writing.
        model: from `models.find_model`.

    Returns:
        How many did.

    Raises:
        MetadataStoreError: if the store does not take it.
    """
    # TFX's resolvers go by the number, listings by the uri.
    named = [
        Condition("current_model_id", "=", model.id),
        Condition("current_model", "=", model.uri),
    ]
    found = {a.id: a for one in named for a in select(store, "artifacts", BLESSING, [one])}
    blessing = [one for one in found.values() if value_of(one, "blessed") == 1]
    for one in blessing:
        fill(one.custom_properties, {"blessed": 0, _WITHDRAWN: time.time()})
    if blessing:
        store.put_artifacts(blessing)
    return len(blessing)
