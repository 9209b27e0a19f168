"""How people prove who they are: passwords with one-time codes, passkeys, sessions, and what guessing costs.

Face: `Means` (all of it, once per worker), `Proofs` (checks what somebody says), `Enrolment` (invitations, and accounts
set up by them), `Attempts` (counts of failed tries), `BrowserSessions` (sessions that can be listed and ended),
`Passwords`, `Passkeys`, `Challenges`, accounts as their owners see them, codes of authenticator apps, `PhoneCodes`
(codes sent to a phone), `forget_old`.
"""

from yima.authentication.accounts import (
    Account,
    Happening,
    Ways,
    account_named,
    account_of,
    enrolled,
    folded,
    forget_old,
    happened,
    passkeys_of,
    ways_of,
)
from yima.authentication.attempts import ACCOUNT, ADDRESS, Attempts, Rule, Try
from yima.authentication.enrolment import (
    INVITED,
    Enrolment,
    Invitation,
    Waiting,
    kept_account,
    put_passkey,
    remove_account,
    renew_codes,
    withdraw_invitations,
)
from yima.authentication.factors import drop_passkey, drop_provider, hold_account, new_password, set_password
from yima.authentication.means import Means
from yima.authentication.passkeys import Challenges, Passkey, Passkeys
from yima.authentication.passwords import LEAST, Passwords, check_password, is_common
from yima.authentication.phone_codes import CODE_DIGITS, CODE_SECONDS, PhoneCodes, forget_codes
from yima.authentication.phone_codes import Asked as AskedCode
from yima.authentication.phone_codes import Passed as PassedCode
from yima.authentication.proving import Proofs
from yima.authentication.rewrapping import rewrap_accounts
from yima.authentication.sessions import LEVELS, BrowserSessions, Method, Session, Vouched, check_session, end_sessions
from yima.authentication.totp import app_uri, code_at, secret_text
from yima.authentication.turning import turn_sign_in, unturned_sign_in

__all__ = [
    "ACCOUNT",
    "ADDRESS",
    "CODE_DIGITS",
    "CODE_SECONDS",
    "INVITED",
    "LEAST",
    "LEVELS",
    "Account",
    "AskedCode",
    "Attempts",
    "BrowserSessions",
    "Challenges",
    "Enrolment",
    "Happening",
    "Invitation",
    "Means",
    "Method",
    "PassedCode",
    "Passkey",
    "Passkeys",
    "Passwords",
    "PhoneCodes",
    "Proofs",
    "Rule",
    "Session",
    "Try",
    "Vouched",
    "Waiting",
    "Ways",
    "account_named",
    "account_of",
    "app_uri",
    "check_password",
    "check_session",
    "code_at",
    "drop_passkey",
    "drop_provider",
    "end_sessions",
    "enrolled",
    "folded",
    "forget_codes",
    "forget_old",
    "happened",
    "hold_account",
    "is_common",
    "kept_account",
    "new_password",
    "passkeys_of",
    "put_passkey",
    "remove_account",
    "renew_codes",
    "rewrap_accounts",
    "secret_text",
    "set_password",
    "turn_sign_in",
    "unturned_sign_in",
    "ways_of",
    "withdraw_invitations",
]  # fmt: skip
