"""Probabilities, picture by picture -> boundaries."""

from __future__ import annotations

PEAK_S = 0.13  # a cut is more probable than what is so near on either side
NEAR_S = 0.17  # a gradual change with a cut so near is that cut
SMOOTH_S = 0.09  # on either side, in the mean of the probability of a gradual change
SHORTEST_S = 0.15  # of a gradual change
LONGEST = 64  # pictures of a gradual change; of a longer one the beginning counts
AROUND = 10  # pictures that are never farther from each other than all of these lengths together
AHEAD_S = NEAR_S + SMOOTH_S


class Picker:
    """Finds boundaries: of a cut the first new picture, of a gradual change the middle."""

    def __init__(self) -> None:
        """Starts before the first picture."""
        self._cut: list[float] = []
        self._gradual: list[float] = []
        self._times_s: list[float] = []
        self._first = 0  # picture of the first of these
        self._next = 0  # picture to be decided
        self._began: tuple[int, float] | None = None  # the gradual change that is going on, and when it began
        self._sure = 0.0  # of that change
        self._closed = False  # whether it has had its boundary
        self._cut_s = -1.0  # of the last cut

    def feed(self, cut: float, gradual: float, time_s: float) -> list[tuple[int, float]]:
        """Returns the boundaries that the next picture makes known, growing, each with how sure it is.

        Args:
            cut: probability that this picture is the first of a new shot.
            gradual: probability that it is within a gradual change.
            time_s: growing.
        """
        self._cut.append(cut)
        self._gradual.append(gradual)
        self._times_s.append(time_s)
        found = []
        while self._next < self._end and (self._end - self._next > AROUND or time_s - self._time(self._next) > AHEAD_S):
            found += self._decide()
        return found

    def finish(self) -> list[tuple[int, float]]:
        """Returns the boundaries that the end of the film makes known."""
        found = []
        while self._next < self._end:
            found += self._decide()
        return [*found, *self._close(self._end)]

    @property
    def settled(self) -> int:
        """Pictures before this one can no longer be boundaries."""
        going_on = self._began is not None and not self._closed
        return (self._began[0] + self._next) // 2 if self._began and going_on else self._next

    @property
    def held(self) -> int:
        """How many pictures are remembered."""
        return len(self._cut)

    @property
    def _end(self) -> int:
        return self._first + len(self._cut)

    def _time(self, picture: int) -> float:
        return self._times_s[min(picture - self._first, len(self._times_s) - 1)]

    def _decide(self) -> list[tuple[int, float]]:
        """Decides the next picture."""
        found, picture = [], self._next
        if self._is_cut(picture):
            self._cut_s = self._time(picture)
            found.append((picture, self._cut[picture - self._first]))
        mean = self._mean(picture)
        if mean > 0.5 and self._began is None:
            self._began, self._closed, self._sure = (picture, self._time(picture)), False, mean
        elif self._began is not None and (mean <= 0.5 or picture - self._began[0] == LONGEST):
            found += self._close(picture)
            self._began = self._began if mean > 0.5 else None
        self._sure = max(self._sure, mean)
        self._next += 1
        dropped = max(0, self._next - AROUND - self._first)
        self._first += dropped
        del self._cut[:dropped], self._gradual[:dropped], self._times_s[:dropped]
        return found

    def _close(self, end: int) -> list[tuple[int, float]]:
        """The middle of the gradual change that ends here, if it is one and has no cut."""
        began, closed = self._began, self._closed
        self._closed = True
        if began is None or closed:
            return []
        first, first_s = began
        end_s = self._time(end)
        if end_s - first_s < SHORTEST_S or self._cut_s >= first_s - NEAR_S:
            return []
        if any(self._is_cut(picture) for picture in range(end, self._end) if self._time(picture) <= end_s + NEAR_S):
            return []
        return [((first + end) // 2, self._sure)]

    def _is_cut(self, picture: int) -> bool:
        if picture == 0 or picture >= self._end:
            return False
        here = self._cut[picture - self._first]
        return here > 0.5 and here == max(self._near(self._cut, picture, PEAK_S))

    def _mean(self, picture: int) -> float:
        near = self._near(self._gradual, picture, SMOOTH_S)
        return sum(near) / len(near)

    def _near(self, values: list[float], picture: int, within_s: float) -> list[float]:
        """The values of a picture and of those near to it."""
        place, times = picture - self._first, self._times_s
        first = last = place
        while first > 0 and times[place] - times[first - 1] <= within_s:
            first -= 1
        while last + 1 < len(times) and times[last + 1] - times[place] <= within_s:
            last += 1
        return values[first : last + 1]
