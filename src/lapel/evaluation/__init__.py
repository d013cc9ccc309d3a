"""Metrics (pure), protocols, tables and reports."""
