"""The trainer: the shell around `models.training`. kafka-python in, models and content tables out."""

from streams.trainer.main import run, train_once

__all__ = ["run", "train_once"]
