"""Readers of locks whose keys cannot be copied."""

from .source import LockSource as LockSource
