"""Basic resources: institutions, departments, practitioners, terminals, apps, and who is calling.

Face: `Caller` (who acts), `register_*` (put on the register), `SignIn` (SMART Backend Services), look-ups.
"""

from yima.directory.caller import Caller, Kind
from yima.directory.register import (
    App,
    Department,
    Institution,
    Practitioner,
    Terminal,
    department_names,
    institution,
    institutions,
    practitioner,
    practitioners,
    register_app,
    register_department,
    register_institution,
    register_practitioner,
    register_terminal,
    set_institution_status,
    terminal_belongs,
    terminals,
)
from yima.directory.sessions import ROLES, Sessions
from yima.directory.sign_in import ASSERTION_TYPE, SignIn, TokenAnswer

__all__ = [
    "ASSERTION_TYPE",
    "ROLES",
    "App",
    "Caller",
    "Department",
    "Institution",
    "Kind",
    "Practitioner",
    "Sessions",
    "SignIn",
    "Terminal",
    "TokenAnswer",
    "department_names",
    "institution",
    "institutions",
    "practitioner",
    "practitioners",
    "register_app",
    "register_department",
    "register_institution",
    "register_practitioner",
    "register_terminal",
    "set_institution_status",
    "terminal_belongs",
    "terminals",
]
