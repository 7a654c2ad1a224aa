"""Pictures of contributions, for which the extra ``plot`` installs matplotlib."""

from skdeeplift.plotting.importance import ImportanceDisplay

__all__ = ["ImportanceDisplay"]
