"""What an operation was asked: a query string, or a Parameters resource in the body (R4 operations.html#request)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from yima.api.bodies import parameters_of
from yima.runtime.errors import Refusal

_LONGEST: Final = 2_000
_LARGEST: Final = 1_000_000_000
_NOT_OURS: Final = ("_format", "_pretty")


class OperationInput:
    """The parameters of one call. A name that the operation does not have is refused, never ignored."""

    def __init__(self, operation: str, rows: list[tuple[str, Any]]) -> None:
        self._operation = operation
        self._rows = rows

    def check(self, known: frozenset[str]) -> None:
        """Refusal `search-parameter-unknown` for a parameter that is not among these."""
        for name, _ in self._rows:
            if name not in known:
                raise Refusal("search-parameter-unknown", field=name[:64], type=self._operation)

    def _all(self, name: str) -> list[Any]:
        return [value for named, value in self._rows if named == name]

    def _one(self, name: str) -> Any:
        found = self._all(name)
        if len(found) > 1:
            raise self._invalid(name, "one value")
        return found[0] if found else None

    @staticmethod
    def _invalid(name: str, expected: str) -> Refusal:
        return Refusal("field-invalid", field=name, expected=expected)

    def texts(self, name: str) -> list[str]:
        """All values of a parameter that may repeat."""
        found = self._all(name)
        if not all(type(one) is str and len(one) <= _LONGEST and "\x00" not in one for one in found):
            raise self._invalid(name, f"text of at most {_LONGEST} characters, without NUL")
        return found

    def text(self, name: str) -> str:
        """A text, '' where there is none."""
        self._one(name)
        return "".join(self.texts(name))

    def flag(self, name: str) -> bool:
        """A boolean, false where there is none."""
        found = self._one(name)
        if found not in (None, True, False, "true", "false") or type(found) is int:
            raise self._invalid(name, "true or false")
        return found in (True, "true")

    def whole(self, name: str) -> int | None:
        """A whole number from 0."""
        found = self._one(name)
        if found is None:
            return None
        text = str(found)
        if type(found) is bool or not (text.isascii() and text.isdecimal()) or len(text) > 9:
            raise self._invalid(name, "a whole number from 0")
        return min(int(text), _LARGEST)

    def tree(self, name: str, resource_type: str = "") -> Mapping[str, Any] | None:
        """A resource of a type, or a complex value; only a Parameters body can carry it."""
        found = self._one(name)
        if found is None:
            return None
        if not isinstance(found, dict) or (resource_type and found.get("resourceType") != resource_type):
            raise self._invalid(name, f"a {resource_type or 'complex value'} in Parameters, by POST")
        return found

    def parts(self, name: str) -> list[Mapping[str, Any]]:
        """A parameter that has parts, each time as name -> value."""
        found = self._all(name)
        if not all(isinstance(one, list) for one in found):
            raise self._invalid(name, "a parameter with parts")
        return [dict(map(_row, one)) for one in found]


async def operation_input(request: Request, operation: str) -> OperationInput:
    """The parameters of a GET or POST. Refusals of bodies, `field-invalid` for what is no Parameters resource."""
    if request.method != "POST":
        rows = [(k, v) for k, v in request.query_params.multi_items() if k not in _NOT_OURS]
        return OperationInput(operation, list(rows))
    _, tree = await parameters_of(request)
    return OperationInput(operation, [_row(one) for one in tree.get("parameter", ())])


def _row(one: Mapping[str, Any]) -> tuple[str, Any]:
    """(name, value) of one parameter; a value is a primitive, a complex value, a resource or a list of parts."""
    values = [value for key, value in one.items() if key.startswith("value") or key in ("resource", "part")]
    if len(values) != 1:
        raise Refusal("field-invalid", field=one["name"][:64], expected="exactly one of value[x], resource and part")
    return one["name"], values[0]
