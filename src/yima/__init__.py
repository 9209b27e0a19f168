"""Yima 一码: one code, one record, for every resident."""

__version__ = "0.1.0"
