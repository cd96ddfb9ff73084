"""Knowing and finding: articles, and which of them may answer a case."""
