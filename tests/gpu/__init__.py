"""Measurements of the choices for GPUs, on a machine that has one."""
