"""The Sentry protocol: one event, as SDKs put it into envelopes and store bodies, becomes our report."""

from avalon.protocols.sentry.event import decode_event

__all__ = ["decode_event"]
