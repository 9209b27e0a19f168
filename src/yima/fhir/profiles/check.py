"""A resource against a profile: cardinality, types, fixed values, patterns, bindings, slices, rules.

R4 profiling.html, elementdefinition.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from yima.fhir.fhirpath import Context, Node, compile_expression, is_kind, root
from yima.fhir.paths import reference_type
from yima.fhir.profiles.definition import Profile, Rule, Type, compile_profile, core_type
from yima.fhir.profiles.slices import belongs
from yima.fhir.profiles.values import codings, fits
from yima.fhir.tables import VALUESETS
from yima.runtime.errors import Refusal

_MAX_WORK: Final = 300_000
_MAX_FINDINGS: Final = 100
_STEPS: Final = 200_000

Severity = Literal["error", "warning", "information"]
Question = tuple[str, str, str]
"""(value set, system, code)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about a resource."""

    severity: Severity
    refusal: Refusal


@dataclass(slots=True)
class Library:
    """The profiles at hand: definitions by canonical address, with and without version, compiled when first needed."""

    definitions: Mapping[str, dict[str, Any]]
    compiled: dict[str, Profile | Refusal] = field(default_factory=dict)

    def find(self, url: str) -> dict[str, Any] | None:
        """A definition by its address; a version that is not there is not replaced by another."""
        return self.definitions.get(url)

    def profile(self, url: str) -> Profile | None:
        """A compiled profile, None when it is not loaded. Refusal `profile-unusable`."""
        held = self.compiled.get(url)
        if held is None:
            definition = self.find(url)
            if definition is None:
                return None
            try:
                held = compile_profile(definition, self.find)
            except Refusal as refusal:
                held = refusal
            self.compiled[url] = held
        if isinstance(held, Refusal):
            raise held
        return held


def check_profile(
    resource: dict[str, Any], url: str, library: Library, answers: Mapping[Question, bool | None]
) -> tuple[list[Finding], set[Question]]:
    """What a valid resource lacks to meet a profile, and the questions about codes that `answers` did not hold.

    Without `url` only its extensions are looked at. Questions that nobody answered count as met: ask, and check again.
    Refusal `too-costly`.
    """
    checking = Checking(root(resource), library, answers)
    if url:
        checking.against(checking.container, url)
    checking.extensions(checking.container)
    return checking.findings, checking.asked


class Checking:
    """One check of one resource. A trial (does this slice fit?) collects its own findings and drops them."""

    def __init__(self, container: Node, library: Library, answers: Mapping[Question, bool | None]) -> None:
        self.container = container
        self.library = library
        self.answers = answers
        self.findings: list[Finding] = []
        self.asked: set[Question] = set()
        self.work = 0
        self.profile = ""
        self.open: set[tuple[int, str]] = set()
        self.known: dict[tuple[int, str], bool] = {}
        self.entries = {
            e["fullUrl"]: e["resource"]
            for e in container.value.get("entry", ())
            if container.type == "Bundle" and "fullUrl" in e and "resource" in e
        }

    # --- what is said ------------------------------------------------------------------------------------------------
    def say(self, severity: Severity, node: Node, expected: str, at: str = "") -> None:
        """Add a remark about a place."""
        path = f"{node.path}.{at}" if at else node.path
        refusal = Refusal("profile-broken", field=path, profile=self.profile, expected=expected)
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(severity, refusal))

    def spend(self) -> None:
        """Count work. Refusal `too-costly`."""
        self.work += 1
        if self.work > _MAX_WORK:
            raise Refusal("too-costly", limit=f"{_MAX_WORK} elements for one check of a profile")

    # --- profiles ----------------------------------------------------------------------------------------------------
    def against(self, node: Node, url: str) -> None:
        """Check a node against a profile by its address. One that is not loaded is remarked on and not checked."""
        key = (id(node.value), url)
        if key in self.open or core_type(url):
            return
        try:
            profile = self.library.profile(url)
        except Refusal as refusal:
            self.findings.append(Finding("warning", refusal))
            return
        if profile is None:
            self.findings.append(Finding("warning", Refusal("profile-unknown", field=node.path, profile=url)))
            return
        before, self.profile = self.profile, url
        self.open.add(key)
        if not is_kind(node.type, profile.type):
            self.say("error", node, f"a {profile.type}")
        else:
            self.element(node, profile.rule)
        self.open.discard(key)
        self.profile = before

    def meets(self, node: Node, url: str) -> bool:
        """Whether a node meets a profile, without a remark. What is not loaded is met by its type."""
        if core := core_type(url):
            return is_kind(node.type, core)
        key = (id(node.value), url)
        if key not in self.known:
            held, self.findings = self.findings, []
            self.against(node, url)
            self.known[key] = not any(f.severity == "error" for f in self.findings)
            self.findings = held
        return self.known[key]

    def rule_of(self, url: str) -> Rule | None:
        """The rules of a profile, None when it is not loaded or not usable."""
        try:
            profile = self.library.profile(url)
        except Refusal:
            return None
        return profile.rule if profile else None

    # --- elements ----------------------------------------------------------------------------------------------------
    def element(self, node: Node, rule: Rule) -> None:
        """Check one element and what is inside it."""
        self.spend()
        if rule.fixed is not None and node.value != rule.fixed:
            self.say("error", node, f"exactly {_shown(rule.fixed)}")
        if rule.pattern is not None and not fits(node.value, rule.pattern):
            self.say("error", node, f"what {_shown(rule.pattern)} says")
        if rule.types:
            self.types(node, rule.types)
        if rule.binding:
            self.binding(node, *rule.binding)
        for constraint in rule.constraints:
            self.constraint(node, *constraint)
        for child in rule.children.values():
            self.child(node, child)

    def child(self, holder: Node, rule: Rule) -> None:
        """Check all elements of one name: how many, each by itself, and by slices."""
        nodes = holder.child(rule.name)
        self.count(holder, rule, len(nodes), rule.name)
        for node in nodes:
            self.element(node, rule)
        if rule.slices:
            self.sliced(holder, rule, nodes)

    def count(self, holder: Node, rule: Rule, found: int, name: str) -> None:
        """Check a cardinality."""
        if found < rule.minimum:
            self.say("error", holder, f"at least {rule.minimum} of {name}", name.partition(":")[0])
        if rule.maximum is not None and found > rule.maximum:
            self.say("error", holder, f"at most {rule.maximum} of {name}", name.partition(":")[0])

    def sliced(self, holder: Node, rule: Rule, nodes: list[Node]) -> None:
        """Give every element to the first slice it fits, and check it there."""
        taken: dict[str, list[Node]] = {name: [] for name in rule.slices}
        left: list[Node] = []
        for node in nodes:
            name = next((name for name, each in rule.slices.items() if belongs(self, node, each, rule)), None)
            (left if name is None else taken[name]).append(node)
        for node in left:
            # What fits a slice that lacks one but for a profile is meant for it: say then what the profile misses.
            lacking = (name for name, each in rule.slices.items() if len(taken[name]) < each.minimum)
            name = next((n for n in lacking if belongs(self, node, rule.slices[n], rule, profiles=False)), None)
            if name is not None:
                taken[name].append(node)
            elif (rule.slicing or {}).get("rules") == "closed":
                self.say("error", node, f"one of the slices {', '.join(rule.slices)}")
        for name, own in taken.items():
            each = rule.slices[name]
            self.count(holder, each, len(own), f"{rule.name}:{name}")
            for node in own:
                self.element(node, each)

    # --- one thing of an element -------------------------------------------------------------------------------------
    def types(self, node: Node, types: list[Type]) -> None:
        """Check the type, the profiles of that type, and what a reference points to."""
        fitting = [
            t for t in types if is_kind(node.type, t.code) or t.code in ("Resource", "Element", "BackboneElement")
        ]
        if not fitting:
            if "." not in node.type and node.type not in ("Element", "Extension"):
                self.say("error", node, f"of type {' or '.join(sorted({t.code for t in types}))}")
            return
        profiles = [url for t in fitting for url in t.profiles]
        if len(profiles) == 1:
            self.against(node, profiles[0])
        elif profiles and not any(self.meets(node, url) for url in profiles):
            self.say("error", node, f"to meet one of {', '.join(profiles)}")
        targets = [url for t in fitting for url in t.targets]
        if targets and node.type == "Reference" and isinstance(node.value, dict):
            self.target(node, targets)

    def target(self, node: Node, targets: list[str]) -> None:
        """Check that a reference points to one of the types, and, where it can be followed, to one of the profiles."""
        found = self.resolve(node)
        if found is not None:
            if not any(self.meets(found, url) for url in targets):
                self.say("error", node, f"a reference to what meets {' or '.join(targets)}")
            return
        name = reference_type(node.value)
        wanted = {self.type_of(url) for url in targets}
        if name and None not in wanted and "Resource" not in wanted and name not in wanted:
            self.say("error", node, f"a reference to {' or '.join(sorted(cast(set[str], wanted)))}")

    def type_of(self, url: str) -> str | None:
        """The type a profile is for, None when it is not loaded."""
        if core := core_type(url):
            return core
        definition = self.library.find(url)
        return str(definition.get("type")) if definition else None

    def resolve(self, node: Node) -> Node | None:
        """The resource a Reference points to, when it is contained or in the same Bundle."""
        address = node.value.get("reference") if isinstance(node.value, dict) else node.value
        if not isinstance(address, str):
            return None
        if address.startswith("#"):
            holder: Node | None = node
            while holder is not None and not (isinstance(holder.value, dict) and "contained" in holder.value):
                holder = holder.holder
            inside = holder.child("contained") if holder else []
            return next((c for c in inside if c.value.get("id") == address[1:]), None)
        for full_url, tree in self.entries.items():
            if full_url == address or full_url.endswith(f"/{address}"):
                return root(tree)
        return None

    def constraint(self, node: Node, key: str, severity: str, expression: str, human: str) -> None:
        """Check a rule of the profile. One that cannot be computed is remarked on."""
        resource = node
        while resource.holder is not None and "resourceType" not in (
            resource.value if isinstance(resource.value, dict) else ()
        ):
            resource = resource.holder
        context = Context(
            resource=resource, container=self.container, steps=_STEPS, in_value_set=self.in_value_set,
            conforms=self.meets, find=self._follow,
        )  # fmt: skip
        try:
            held = compile_expression(expression).holds(node, context) is True
        except Refusal as refusal:
            self.findings.append(
                Finding("warning", Refusal("rule-not-computed", field=node.path, rule=key, reason=refusal.text("en")))
            )
            return
        if not held and len(self.findings) < _MAX_FINDINGS:
            said: Severity = "error" if severity == "error" else "warning"
            self.findings.append(Finding(said, Refusal("rule-broken", field=node.path, rule=key, human=human)))

    def _follow(self, address: str) -> dict[str, Any] | None:
        return next((t for url, t in self.entries.items() if url == address or url.endswith(f"/{address}")), None)

    # --- codes -------------------------------------------------------------------------------------------------------
    def binding(self, node: Node, strength: str, url: str) -> None:
        """Check codes: `required` is an error, `extensible` a warning."""
        if strength not in ("required", "extensible"):
            return
        said = [self.in_value_set(url, system, code) for system, code in codings(node)]
        if not said or True in said or None in said:
            return
        severity: Severity = "error" if strength == "required" else "warning"
        self.say(severity, node, f"a code of the value set {url}")

    def in_value_set(self, url: str, system: str, code: str) -> bool | None:
        """Whether a code is in a value set; a question nobody has answered yet is noted."""
        known = VALUESETS.get(url.partition("|")[0].removeprefix("http://hl7.org/fhir/ValueSet/"))
        if known is not None:
            return any(code in codes for s, codes in known.items() if not system or s == system)
        question = (url, system, code)
        if question not in self.answers:
            self.asked.add(question)
        return self.answers.get(question)

    # --- extensions --------------------------------------------------------------------------------------------------
    def extensions(self, node: Node) -> None:
        """Check every extension that has a definition here; those that have none are remarked on."""
        left = [node]
        seen: set[str] = set()
        while left:
            self.spend()
            each = left.pop()
            if each.type == "Extension" and isinstance(each.value, dict):
                self._extension(each, seen)
            left += each.children()

    def _extension(self, node: Node, seen: set[str]) -> None:
        url = str(node.value.get("url", ""))
        if node.holder is not None and node.holder.type == "Extension":
            return  # a part of one, whose definition says what it is
        if self.library.find(url) is not None:
            before = len(self.findings)
            self.against(node, url)
            self.findings[before:] = [
                f for f in self.findings[before:] if str(f) not in {str(g) for g in self.findings[:before]}
            ]
        elif url not in seen:
            seen.add(url)
            severity: Severity = "warning" if node.key == "modifierExtension" else "information"
            self.findings.append(Finding(severity, Refusal("extension-unknown", field=node.path, url=url[:200])))


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def moved(finding: Finding, path: str) -> Finding:
    """The same remark about a resource that stands inside another."""
    inner = (finding.refusal.field or "").partition(".")[2]
    params = finding.refusal.params | {"field": f"{path}.{inner}" if inner else path}
    return replace(finding, refusal=Refusal(finding.refusal.code, **cast(Any, params)))
