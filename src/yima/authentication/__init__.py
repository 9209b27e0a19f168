"""How people prove who they are: passwords with one-time codes, passkeys, sessions, and what guessing costs.

Face: `BrowserSessions` (sessions that can be listed and ended), `Attempts` (counts of failed tries).
"""

from yima.authentication.attempts import ACCOUNT, ADDRESS, Attempts, Rule, Try, forget_attempts
from yima.authentication.sessions import LEVELS, BrowserSessions, Method, Session, end_sessions

__all__ = [
    "ACCOUNT",
    "ADDRESS",
    "LEVELS",
    "Attempts",
    "BrowserSessions",
    "Method",
    "Rule",
    "Session",
    "Try",
    "end_sessions",
    "forget_attempts",
]
