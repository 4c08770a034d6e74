"""Avalon: a self-hosted error tracker, event-sourced on Postgres LISTEN/NOTIFY."""

__version__ = "0.2.0"
