"""Offline credentials: signed documents that any scanner checks with no network."""
