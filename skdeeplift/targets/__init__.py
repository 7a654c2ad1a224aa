"""Targets: the scalars to explain, computed from the network's output."""

from skdeeplift.targets.profile import Profile

__all__ = ["Profile"]
