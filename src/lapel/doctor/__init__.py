"""Is this data fit to search, train and evaluate with? Counts, broken files, duplicates, leaks, label problems."""

from lapel.doctor.checking import check
from lapel.doctor.diagnosis import AttributeReport, Diagnosis, Group, Problem, Spelling

__all__ = ["AttributeReport", "Diagnosis", "Group", "Problem", "Spelling", "check"]
