"""One seed, one city: to the byte."""

from pathlib import Path

from yima.synth import city, visits, write


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    counts = write(city(60, 5), first)
    assert write(city(60, 5), second) == counts
    assert _bytes(first) == _bytes(second)
    assert set(_bytes(first)) == {"institutions.json", "residents.ndjson", "submissions.ndjson", "manifest.json"}
    assert counts.bytes == (first / "submissions.ndjson").stat().st_size


def test_another_seed_gives_other_people() -> None:
    names = [[r.name.text for r in city(60, seed).residents] for seed in (1, 2)]
    assert names[0] != names[1]


def test_a_larger_city_keeps_the_people_of_a_smaller() -> None:
    small, large = city(80, 3), city(160, 3)
    whole = [r for r in small.residents if r.household != small.residents[-1].household]
    assert list(large.residents[: len(whole)]) == whole


def test_a_persons_visits_do_not_depend_on_the_size_of_the_city() -> None:
    def keys(size: int) -> list[str]:
        return [v.key for v in visits(city(size, 3)) if v.resident in {"P000001", "P000010", "P000031"}]

    assert keys(70) == keys(140)


def test_progress_ends_with_the_number_of_visits(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    counts = write(city(40, 4), tmp_path, lambda done, people: heard.append((done, people)))
    assert heard[-1] == (counts.visits, 40)


def test_visits_come_in_time_order() -> None:
    times = [visit.at for visit in visits(city(60, 6))]
    assert times == sorted(times)
    assert all(str(at.utcoffset()) == "8:00:00" for at in times)
