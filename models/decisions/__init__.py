"""Decisions: which content a placement shows. Pure: the same inputs give the same answer, here and offline."""

from models.decisions.choice import again, decide, goes_on
from models.decisions.context_segments import context_segment
from models.decisions.holdouts import arm_of
from models.decisions.shelf import Shelf

__all__ = ["Shelf", "again", "arm_of", "context_segment", "decide", "goes_on"]
