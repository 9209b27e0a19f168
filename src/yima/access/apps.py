"""Apps that residents use (SMART App Launch 2.2, standalone): what an app asks, the resident's answer, and its end.
Apps that staff open in a visit go the same way; their half is `access.launching`.

An app acts as the resident, for that resident's own record only, within the scopes granted. Every grant and every end
of one is on the resident's log; what the app then reads is there too, under the app's name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from yima import audit, directory, fhir, mpi
from yima.access.context import Context
from yima.access.decision import Asking, event_of, open_visit
from yima.access.giving import hold_giver
from yima.access.residents import own
from yima.access.staffed import staff_id
from yima.directory import Caller, Grant, Held, Issued, Opened, PatientApp
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import signing_key

ANSWER_SECONDS: Final = 600
"""How long a resident may take to answer."""
_LONGEST_STATE: Final = 1000
_ASSURANCE: Final = "urn:yima:assurance:"
"""Before how surely it is the resident, in `acr` (OpenID Connect Core 1.0, section 2)."""
_KNOWN: Final = frozenset(
    {"response_type", "client_id", "redirect_uri", "scope", "state", "aud", "resource", "nonce", "launch", "prompt",
     "code_challenge", "code_challenge_method", "response_mode", "request", "request_uri"}
)  # fmt: skip
RECORD_TYPES: Final = ("Patient", *sorted(set(fhir.COMPARTMENT_TYPES) - {"Patient"}))
"""What `patient/*` stands for where a resident grants less than all of it."""


class AppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an app asks a resident for, checked; it travels through the browser under a MAC."""

    client_id: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str
    nonce: str
    launch: str = ""
    """The launch token of an app that staff opened; empty for one that asks a resident."""
    asked: float
    """When, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A request that somebody must answer: as text under a MAC, for the page of residents or, `launched`, of staff."""

    text: str
    launched: bool


@dataclass(frozen=True, slots=True)
class SentBack:
    """An app's request that only the app can mend: where the browser goes, with the OAuth error in the address."""

    address: str


class Apps:
    """Grants of residents to apps. One per worker."""

    def __init__(self, cx: Context, base_url: str) -> None:
        self._cx = cx
        self._base = base_url
        self._grants = cx.sign_in.grants

    # --- the app asks, the resident answers -------------------------------------------------------------------------

    async def asked(self, fields: Sequence[tuple[str, str]], now: datetime) -> Sealed | SentBack:
        """An authorisation request (RFC 6749, section 4.1.1), sealed for the page that asks the resident.

        Refusal `app-request-invalid` while it is not sure that the address to be sent back to is the app's own: then
        nothing is sent anywhere. Everything else goes back to the app (`SentBack`).
        """
        said = {name: value for name, value in fields if name in _KNOWN}
        if len(said) < sum(name in _KNOWN for name, _ in fields):
            raise Refusal("app-request-invalid", field="query", expected="each parameter once (RFC 6749, section 3.1)")
        app = await directory.patient_app(self._cx.database, said.get("client_id", ""))
        if app is None or not app.active:
            raise Refusal("app-request-invalid", field="client_id", expected="an app that is registered here")
        redirect_uri = said.get("redirect_uri", "")
        if redirect_uri not in app.redirect_uris:
            raise Refusal("app-request-invalid", field="redirect_uri", expected="exactly one that the app registered")
        if len(said.get("state", "")) > _LONGEST_STATE:
            raise Refusal("app-request-invalid", field="state", expected=f"at most {_LONGEST_STATE} characters")
        if wrong := self._wrong(said) or _wrong_launch(said, app):
            return self._back(redirect_uri, said.get("state", ""), error=wrong[0], error_description=wrong[1])
        try:
            scopes = directory.wanted_scopes(said.get("scope", ""), app.scopes)
        except Refusal as refusal:
            words = {"error": "invalid_scope", "error_description": refusal.text("en")}
            return self._back(redirect_uri, said["state"], **words)
        request = AppRequest(
            client_id=app.client_id, redirect_uri=redirect_uri, state=said["state"], scopes=scopes,
            challenge=said["code_challenge"], nonce=said.get("nonce", ""), launch=said.get("launch", ""),
            asked=now.timestamp(),
        )  # fmt: skip
        sealed = self._cx.sessions.seal("app-request", msgspec.json.encode(request).decode())
        return Sealed(sealed, bool(request.launch))

    def _wrong(self, said: Mapping[str, str]) -> tuple[str, str] | None:
        """The first thing that is wrong, as OAuth's error and a sentence for the app's makers."""
        if "request" in said or "request_uri" in said:
            return "request_not_supported", "Send the parameters themselves."
        if said.get("response_type") != "code":
            return "unsupported_response_type", "response_type must be code."
        if said.get("response_mode", "query") != "query":
            return "invalid_request", "response_mode must be query."
        if not said.get("state"):
            return "invalid_request", "state is needed (SMART App Launch 2.2, section 2.0.8)."
        if said.get("code_challenge_method") != "S256" or not directory.is_challenge(said.get("code_challenge", "")):
            return "invalid_request", "PKCE is needed: code_challenge_method=S256 and its code_challenge."
        if said.get("aud", "").rstrip("/") != f"{self._base}/fhir":
            return "invalid_request", f"aud must be {self._base}/fhir."
        if said.get("prompt") == "none":
            return "interaction_required", "The resident is always asked."
        if len(said.get("nonce", "")) > _LONGEST_STATE:
            return "invalid_request", "nonce is too long."
        return None

    async def request_of(self, sealed: str, now: datetime, *, launched: bool = False) -> tuple[AppRequest, PatientApp]:
        """The request again, with its app. `launched`: one for staff, not for a resident. Refusal `app-request-invalid`
        for one that is not ours, too old, or the other's."""
        text = self._cx.sessions.unseal("app-request", sealed)
        request = msgspec.json.decode(text, type=AppRequest) if text else None
        if (
            request is None
            or bool(request.launch) is not launched
            or not 0 <= now.timestamp() - request.asked < ANSWER_SECONDS
        ):
            raise Refusal("app-request-invalid", field="request", expected="not older than ten minutes")
        app = await directory.patient_app(self._cx.database, request.client_id)
        if app is None or not app.active or request.redirect_uri not in app.redirect_uris:
            raise Refusal("app-request-invalid", field="client_id", expected="an app that is registered here")
        return request, app

    async def give(
        self, caller: Caller, request: AppRequest, *, scopes: Sequence[str], sensitive: bool, now: datetime
    ) -> str:
        """The resident says yes, to some of the scopes: where the browser goes, with the code. Without a record there
        is nothing to grant, and the app hears `access_denied`. Refusals `assurance-too-low`, `step-up-needed`."""
        person = own(caller)
        caller.check_giving(now)
        kept = [scope for scope in scopes if scope in directory.SIGN_IN_SCOPES or directory.types_of([scope])]
        if not directory.types_of(kept) and "openid" not in kept:
            return self.refuse(request)
        if not await self.patient_of(person):
            return self.refuse(request, "Nothing has been recorded of this resident yet.")
        return await self.granted(
            Asking(caller=caller, now=now, purpose="own-request"), person, request, kept, sensitive
        )

    async def granted(
        self, asking: Asking, person: PersonId, request: AppRequest, scopes: Sequence[str], sensitive: bool,
        opened: Opened | None = None,
    ) -> str:  # fmt: skip
        """Note the grant with its line of the person's log: where the browser goes, with the code."""
        bound = {"redirect_uri": request.redirect_uri, "challenge": request.challenge, "nonce": request.nonce}
        terms = directory.Terms(scopes, sensitive, bound, opened, asking.caller.assurance)
        async with self._cx.database.transaction() as c:
            if opened is None:
                await hold_giver(c, asking.caller)
            grant_id, code = await self._grants.give(c, person, request.client_id, terms, asking.now)
            app = await directory.patient_app(c, request.client_id)
            detail = {
                "event": "launch" if opened else "give", "app": request.client_id,
                "app_name": app.name_zh if app else "", "grant": grant_id, "scopes": list(scopes),
                "sensitive": sensitive,
            }  # fmt: skip
            basis = "visit" if opened else "own-record"
            await audit.append(c, [event_of(asking, person, "app", "ok", basis, detail)])
        return self._back(request.redirect_uri, request.state, code=code).address

    def refuse(self, request: AppRequest, why: str = "The resident said no.") -> str:
        """The resident says no: where the browser goes."""
        words = {"error": "access_denied", "error_description": why}
        return self._back(request.redirect_uri, request.state, **words).address

    def _back(self, redirect_uri: str, state: str, **words: str) -> SentBack:
        # `iss` says which server answers, so that an app with several is not mixed up (RFC 9207).
        parts = urlsplit(redirect_uri)
        fields = [*parse_qsl(parts.query, keep_blank_values=True), *words.items()]
        fields += [("state", state)] if state else []
        return SentBack(urlunsplit(parts._replace(query=urlencode([*fields, ("iss", self._base)]))))

    # --- tokens -----------------------------------------------------------------------------------------------------

    async def redeem(
        self, client_id: str, code: str, redirect_uri: str, verifier: str, now: datetime
    ) -> dict[str, Any]:
        """The token answer for a code (RFC 6749, section 5.1, and SMART's `patient`, `id_token`).

        Refusal `grant-invalid`."""
        try:
            issued = await self._grants.redeem(code, client_id, redirect_uri=redirect_uri, verifier=verifier, now=now)
        except directory.ReusedError as error:
            raise await self._reused(error.held, "code", now) from None
        return await self._answer(issued, now, nonce=issued.held.bound["nonce"])

    async def refresh(self, client_id: str, token: str, scope: str, now: datetime) -> dict[str, Any]:
        """The token answer for a refresh token, with the next one. Refusals `grant-invalid`, `scope-unsupported`."""
        try:
            issued = await self._grants.refresh(token, client_id, scope=scope, now=now)
        except directory.ReusedError as error:
            raise await self._reused(error.held, "refresh", now) from None
        return await self._answer(issued, now)

    async def _reused(self, held: Held, kind: str, now: datetime) -> Refusal:
        """What came twice was stolen: the grant has ended, and the resident's log says why."""
        detail = _about(held, "reuse") | {"what": kind}
        system = Caller(kind="system", agent_id="oauth")
        async with self._cx.database.transaction() as c:
            await audit.append(c, [_line(system, held.person, detail, now)])
        return Refusal("grant-invalid", field=kind, reason="it was used before, so the whole grant has ended")

    async def _answer(self, issued: Issued, now: datetime, nonce: str = "") -> dict[str, Any]:
        if issued.held.visit:
            await self._check_visit(issued.held, now)
        patient = await self.patient_of(issued.held.person)
        if not patient:
            raise Refusal("grant-invalid", field="grant", reason="there is no record any more")
        body: dict[str, Any] = {
            "access_token": issued.access, "token_type": "Bearer", "expires_in": issued.seconds,
            "scope": " ".join(issued.scopes),
        }  # fmt: skip
        if issued.refresh:
            body["refresh_token"] = issued.refresh
        if directory.types_of(issued.scopes) or {"launch", "launch/patient"} & set(issued.scopes):
            body |= {"patient": patient, "need_patient_banner": True}
        if "openid" in issued.scopes:
            body["id_token"] = self._id_token(issued, patient, nonce, now)
        return body

    async def _check_visit(self, held: Held, now: datetime) -> None:
        """Refusal `grant-invalid` once the visit is over, or who opened the app works here no more."""
        try:
            await directory.staff_caller(self._cx.database, str(held.practitioner))
            await open_visit(self._cx, held.visit, now)
        except Refusal as refusal:
            raise Refusal(
                "grant-invalid", field="grant", reason="the visit in which the app was opened is over"
            ) from refusal

    def _id_token(self, issued: Issued, patient: str, nonce: str, now: datetime) -> str:
        """OpenID Connect Core 1.0, section 2, ES256; `fhirUser` where it was granted (SMART, section 3.0.6)."""
        key = ECKey.import_key(signing_key(self._cx.keys, "platform/signing/1"))
        stamp = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": self._base, "sub": self._subject(issued.held), "aud": issued.held.client_id, "iat": stamp,
            "exp": stamp + issued.seconds,
        }  # fmt: skip
        claims |= {"nonce": nonce} if nonce else {}
        if not issued.held.practitioner:
            claims["acr"] = f"{_ASSURANCE}{issued.held.assurance}"
        if "fhirUser" in issued.scopes:
            claims["fhirUser"] = self._as_resource(issued.held, patient)
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": key.thumbprint()}, claims, key, algorithms=["ES256"])

    def _subject(self, held: Held) -> str:
        """A user's name for one app, the same each time; two apps cannot compare theirs (pairwise)."""
        key = self._cx.keys.secret("directory/subject/1")
        who = f"staff {held.practitioner}" if held.practitioner else f"{held.person}"
        return hmac.new(key, f"{held.client_id}\x1f{who}".encode(), hashlib.sha256).hexdigest()[:40]

    def _as_resource(self, held: Held, patient: str) -> str:
        """The user as a resource (SMART App Launch 2.2, section 3.0.6)."""
        user = f"Practitioner/{staff_id(held.practitioner)}" if held.practitioner else f"Patient/{patient}"
        return f"{self._base}/fhir/{user}"

    async def introspect(self, token: str, institution: int, now: datetime) -> dict[str, Any]:
        """What a token means (RFC 7662), to clients of the institution that answers for it; `active` false else."""
        held = await self._grants.held(token, now)
        if held is None or held.institution != institution:
            return {"active": False}
        body: dict[str, Any] = {
            "active": True, "client_id": held.client_id, "scope": " ".join(held.scopes), "iss": self._base,
            "sub": self._subject(held), "exp": int(held.expires.timestamp()),
            "token_type": "Bearer" if held.kind == "access" else "refresh_token",
        }  # fmt: skip
        if patient := await self.patient_of(held.person):
            body |= {"patient": patient}
            body |= {"fhirUser": self._as_resource(held, patient)} if "fhirUser" in held.scopes else {}
        return body

    async def revoke(self, client_id: str, token: str, now: datetime) -> None:
        """The app gives a token back (RFC 7009); a refresh token ends the whole grant."""
        self._cx.sign_in.forget(token)
        held = await self._grants.revoke(token, client_id, now)
        if held is not None:
            detail = _about(held, "end") | {"by": "app"}
            async with self._cx.database.transaction() as c:
                await audit.append(c, [_line(Caller(kind="system", agent_id="oauth"), held.person, detail, now)])

    # --- the resident's own list ------------------------------------------------------------------------------------

    async def grants(self, caller: Caller, now: datetime) -> list[Grant]:
        """What the resident granted and has not run out, ended grants too. Refusal `sign-in-needed`."""
        return await self._grants.of_persons(await self._numbers(own(caller)), now)

    async def end(self, caller: Caller, grant_id: str, now: datetime) -> None:
        """End a grant: its tokens are refused on every worker within a second. Refusals `sign-in-needed`,
        `not-found`."""
        person = own(caller)
        found = [grant for grant in await self.grants(caller, now) if grant.grant_id == grant_id]
        if not found:
            raise Refusal("not-found", field="grant")
        grant = found[0]
        async with self._cx.database.transaction() as c:
            if await self._grants.end(c, grant.person, grant_id, "resident", now):
                detail = {"event": "end", "app": grant.client_id, "app_name": grant.name_zh, "grant": grant_id}
                await audit.append(c, [_line(caller, person, detail, now)])

    async def _numbers(self, person: PersonId) -> list[PersonId]:
        """The person's own number and those of persons merged into it."""
        return sorted((await mpi.whole_of(self._cx.database, person)).members)

    async def patient_of(self, person: PersonId) -> str:
        """The Patient by which an app names the resident: the oldest, so that it stays the same. "" = none yet."""
        identity = await mpi.identity(self._cx.database, self._cx.vault, person)
        found = await mpi.patients_of(self._cx.database, identity.person) if identity else []
        return next((patient for patient, _ in found if ":" not in patient), "")  # a sandbox's are nobody's


def _wrong_launch(said: Mapping[str, str], app: PatientApp) -> tuple[str, str] | None:
    """An app of staff is opened in a visit, one of residents never."""
    asked = "launch" in said.get("scope", "").split()
    if app.launch_url and not (asked and said.get("launch")):
        return "invalid_request", "This app is opened in a visit: launch and the scope launch are needed."
    if not app.launch_url and "launch" in said:
        return "invalid_request", "launch: residents' apps are launched standalone."
    if len(said.get("launch", "")) > _LONGEST_STATE:
        return "invalid_request", "launch is too long."
    return None


def _about(held: Held, event: str) -> dict[str, Any]:
    return {"event": event, "app": held.client_id, "app_name": held.name_zh, "grant": held.grant_id}


def _line(caller: Caller, person: PersonId, detail: dict[str, Any], now: datetime) -> audit.Event:
    asking = Asking(caller=caller, now=now, purpose="own-request")
    return event_of(asking, person, "app", "ok", "own-record" if caller.kind == "resident" else "grant", detail)
