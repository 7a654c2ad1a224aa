"""Targets: the scalars of the network's output that are explained."""
