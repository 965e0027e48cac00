"""Training: profiles to a segment model, outcomes to content tables. pandas and scikit-learn live here alone."""

from models.training.fit import fit, train
from models.training.frame import frame, schema_of
from models.training.gates import relabelled
from models.training.tables import content_tables, outcomes_frame

__all__ = ["content_tables", "fit", "frame", "outcomes_frame", "relabelled", "schema_of", "train"]
