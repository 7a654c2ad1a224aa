"""Targets: the scalars of the network's output that are explained."""

from skdeeplift.targets.profile import Profile

__all__ = ["Profile"]
