"""Segmentation: rules that define a segment, and assignment of a profile to learned and defined segments."""
