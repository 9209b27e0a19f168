"""The body of a resident: growth, stature, weight, and resting vital signs.

Sources: WHO child growth standards and reference (medians by month, rounded) to 18 years;
adult stature from the national nutrition survey 2020 (men 169.7 cm, women 158.0 cm), less
for older birth years.
"""

from bisect import bisect_right
from datetime import date
from random import Random

from .chance import dice
from .facts import Fact, Measure, Pressure
from .life import Life

Curve = tuple[tuple[int, float, float, float], ...]
"""Month of age, weight kg, height cm, head circumference cm."""

BOYS: Curve = (
    (0, 3.3, 49.9, 34.5), (1, 4.5, 54.7, 37.3), (2, 5.6, 58.4, 39.1), (3, 6.4, 61.4, 40.5), (4, 7.0, 63.9, 41.6),
    (6, 7.9, 67.6, 43.3), (8, 8.6, 70.6, 44.5), (12, 9.6, 75.7, 46.1), (18, 10.9, 82.3, 47.4),
    (24, 12.2, 87.4, 48.3), (30, 13.3, 91.9, 49.0), (36, 14.3, 96.1, 49.5), (48, 16.3, 103.3, 50.3),
    (60, 18.3, 110.0, 51.0), (72, 20.5, 116.0, 51.5), (84, 22.9, 121.7, 52.0), (96, 25.4, 127.3, 52.4),
    (120, 31.2, 137.8, 53.2), (144, 40.0, 149.1, 54.0), (168, 50.0, 163.2, 55.0), (192, 58.0, 171.0, 55.8),
    (216, 62.0, 172.0, 56.0),
)  # fmt: skip
GIRLS: Curve = (
    (0, 3.2, 49.1, 33.9), (1, 4.2, 53.7, 36.5), (2, 5.1, 57.1, 38.3), (3, 5.8, 59.8, 39.5), (4, 6.4, 62.1, 40.6),
    (6, 7.3, 65.7, 42.2), (8, 7.9, 68.7, 43.4), (12, 8.9, 74.0, 44.9), (18, 10.2, 80.7, 46.2),
    (24, 11.5, 86.0, 47.2), (30, 12.7, 90.7, 48.0), (36, 13.9, 95.1, 48.5), (48, 16.1, 102.7, 49.3),
    (60, 18.2, 109.4, 50.0), (72, 20.2, 115.1, 50.6), (84, 22.4, 120.8, 51.1), (96, 25.0, 126.6, 51.6),
    (120, 31.9, 138.6, 52.6), (144, 41.5, 151.2, 53.6), (168, 49.0, 158.0, 54.4), (192, 53.0, 160.5, 54.8),
    (216, 54.0, 161.0, 55.0),
)  # fmt: skip

_GROWN = 216


def clamp(value: float, low: float, high: float) -> float:
    """The value, kept within two bounds."""
    return max(low, min(high, value))


class Body:
    """Weight, height and resting blood pressure of one life at any day."""

    def __init__(self, life: Life) -> None:
        rng = life.dice("body")
        twin = life.resident.birth_order is not None
        # Twins share most of their build, so both draw first from the household's stream.
        build = dice(life.seed, "twins", life.resident.household) if twin else rng
        self.life = life
        self.tall = clamp(build.gauss(0, 0.6 if twin else 1), -1.8, 1.8)
        self.heavy = clamp(0.4 * self.tall + build.gauss(0, 0.3 if twin else 0.85), -1.8, 1.9)
        self.systolic = clamp(rng.gauss(117, 7), 100, 132)
        generation = clamp((life.resident.born.year - 1990) * 0.08, -5, 0)
        mean = 171.5 if life.man else 159.5
        self.stature = mean + generation + self.tall * (6.0 if life.man else 5.4)
        self.bmi = clamp(rng.gauss(23.6, 2.9), 18.2, 34)
        self.twin = twin
        if twin:
            self.heavy += rng.gauss(0, 0.2)

    def height(self, day: date) -> float:
        """Centimetres."""
        months = self.life.months(day)
        if months >= _GROWN:
            shrink = clamp((self.life.age(day) - 60) * 0.12, 0, 4)
            return self.stature - shrink
        return self._curve(months, 2) * (1 + 0.036 * self.tall) - self._small(months) * 3

    def weight(self, day: date) -> float:
        """Kilograms."""
        months = self.life.months(day)
        if months >= _GROWN:
            drift = clamp((self.life.age(day) - 25) * 0.04, 0, 1.2) - clamp((self.life.age(day) - 72) * 0.07, 0, 2)
            return (self.bmi + drift) * (self.height(day) / 100) ** 2
        return self._curve(months, 1) * (1 + 0.11 * self.heavy) - self._small(months) * 0.6

    def head(self, day: date) -> float:
        """Head circumference, centimetres."""
        return self._curve(self.life.months(day), 3) * (1 + 0.02 * self.tall)

    def _small(self, months: int) -> float:
        """How far a twin still lags behind, from 1 at birth to 0 at two years."""
        return clamp(1 - months / 24, 0, 1) if self.twin else 0.0

    def _curve(self, months: int, column: int) -> float:
        curve = BOYS if self.life.man else GIRLS
        at = bisect_right([row[0] for row in curve], months) - 1
        low = curve[at]
        if at + 1 == len(curve):
            return low[column]
        high = curve[at + 1]
        part = (months - low[0]) / (high[0] - low[0])
        return low[column] + part * (high[column] - low[column])

    def resting(self, day: date) -> float:
        """An adult's systolic pressure without illness: it rises with age."""
        return self.systolic + clamp((self.life.age(day) - 35) * 0.28, 0, 12)

    def pressure(self, rng: Random, day: date, extra: float = 0) -> Pressure:
        """A resting blood pressure; ``extra`` is what an illness adds to the systolic."""
        age = self.life.age(day)
        if age < 18:
            systolic = 85 + 1.7 * age + rng.gauss(0, 4)
            return Pressure(round(systolic), round(systolic * 0.6 + rng.gauss(0, 3)))
        systolic = self.resting(day) + max(extra, self.life.load(day)) + rng.gauss(0, 5)
        stiff = clamp((age - 55) * 0.006, 0, 0.13)
        diastolic = systolic * (0.64 - stiff) + rng.gauss(0, 3.5)
        return Pressure(round(clamp(systolic, 84, 215)), round(clamp(diastolic, 48, 122)))

    def size(self, day: date, rng: Random) -> list[Fact]:
        """Height, weight and body mass index as a scale reads them."""
        height, weight = self.height(day), self.weight(day) + rng.gauss(0, 0.4)
        return [
            Measure("height", height),
            Measure("weight", weight),
            Measure("bmi", weight / (height / 100) ** 2),
        ]


def pulse(rng: Random, age: int, extra: float = 0) -> Measure:
    """Heart rate at rest by age in years."""
    mean = 138 if age < 1 else 112 if age < 3 else 98 if age < 7 else 84 if age < 14 else 74
    return Measure("heart_rate", clamp(rng.gauss(mean, 7) + extra, 48, 178))


def fever(rng: Random, mean: float = 38.4) -> Measure:
    """A raised body temperature."""
    return Measure("temperature", clamp(rng.gauss(mean, 0.5), 37.3, 40.3))


def normal_temperature(rng: Random) -> Measure:
    """A body temperature in health."""
    return Measure("temperature", clamp(rng.gauss(36.6, 0.2), 36.0, 37.1))
