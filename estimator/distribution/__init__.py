"""Training on more than one device or process."""

from __future__ import annotations

__all__ = ["coordinator"]
