"""Everything that can go wrong, as one tree, by what a caller does next.

    MovieTagsError
    ├── FilmError                               this film, picture or folder cannot be used: take the next
    │   ├── BadPath            (ValueError, OSError)   a name that cannot be opened, or is no file
    │   │   └── PathMissing    (FileNotFoundError)     nothing is there
    │   ├── BadPicture         (ValueError)     an array that is no picture
    │   ├── VideoUnreadable    (OSError)        no demuxer or decoder makes frames of it
    │   │   ├── NoVideoStream                   a container without moving pictures
    │   │   └── EmptyVideo                      a video stream without one decodable frame
    │   └── NonFiniteFeatures  (ArithmeticError) a network gave NaN or infinity
    ├── SetupError                              no film can do better before this is mended
    │   ├── BadSettings        (ValueError)     an option outside its range
    │   ├── BadVocabulary      (ValueError)     a vocabulary folder that cannot be used
    │   │   └── BadHead                         arrays or manifest of a head are wrong, or of another backbone
    │   ├── BadWeights         (ValueError)     a weights file that does not fit its network
    │   ├── WeightsMissing     (FileNotFoundError) weights that are not here and could not be fetched
    │   ├── DeviceMissing      (OSError)        a GPU that was asked for and is not here
    │   ├── NetworkFailed      (RuntimeError)   a network that cannot be built or run on this machine
    │   ├── LibraryMissing     (ImportError)    a library that is needed and not installed
    │   └── DecodersFailed     (RuntimeError)   processes that decode and cannot be started
    ├── BadReport              (ValueError)     a report that does not follow the schema
    ├── BadFeatures            (ValueError)     features that are not beside their report, or cannot be used
    ├── BadSidecar             (ValueError)     a sidecar of a media centre that tags cannot be put into
    ├── BadLibrary             (ValueError)     a file that is no library of films, or none that this version knows
    ├── BadTruth               (ValueError)     a truth about shots that cannot be used
    ├── BadPairs               (ValueError)     a table of pairs of reports that cannot be used
    ├── BadRatings             (ValueError)     a table of people's ratings that cannot be used
    ├── FetchFailed            (OSError)        something on a server that cannot be had, or is not what it should be
    │   └── ServerUnreachable                   no usable answer, however often it was asked
    └── OutputRefused          (OSError)        a place that cannot be written
        ├── OutputLocked                        a place that another process is writing to
        └── StdoutGone                          nobody reads the results any more

Each message is one line: what, which file, what was received, what to do. Each class is also a
builtin kind, so that callers who know nothing of this package can still catch it.
"""

import errno

# The disk says these of every file; other errors are one file's.
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}


def reason(error: BaseException) -> str:
    """Returns what an error of another library says, on one line: its first, or its kind if it says nothing."""
    return (str(getattr(error, "strerror", None) or error).splitlines() or [type(error).__name__])[0]


def because(place: object, error: Exception) -> str:
    """Returns why something failed, on one line with its place; of a defect, the kind of error too."""
    known = isinstance(error, MovieTagsError)
    return f"{place}: {error if known else f'{type(error).__name__}: {reason(error)}'}"


class MovieTagsError(Exception):
    """Base of every error that this package raises on purpose."""


class FilmError(MovieTagsError):
    """This film, picture or folder cannot be used; the next may do better."""


class SetupError(MovieTagsError):
    """No film can do better before something is mended: settings, vocabulary, weights, libraries, the machine."""


class BadPath(FilmError, ValueError, OSError):
    """A path that is missing, is no regular file, or cannot be opened by its name."""


class PathMissing(BadPath, FileNotFoundError):
    """A path at which there is nothing."""


class BadPicture(FilmError, ValueError):
    """An array that is no picture: not uint8 (height, width, 3), or without a pixel."""


class VideoUnreadable(FilmError, OSError):
    """A file that FFmpeg cannot open or decode."""


class NoVideoStream(VideoUnreadable):
    """A readable container that holds no moving pictures."""


class EmptyVideo(VideoUnreadable):
    """A video stream from which not one frame can be decoded."""


class BadVocabulary(SetupError, ValueError):
    """A vocabulary folder that is missing, inconsistent, or has no head for the backbone."""


class BadHead(BadVocabulary):
    """A head whose arrays or manifest are wrong, or which was trained for something else."""


class BadWeights(SetupError, ValueError):
    """A weights file that does not fit the network it was named for."""


class WeightsMissing(SetupError, FileNotFoundError):
    """Weights that are in no cache and could not be fetched."""


class DeviceMissing(SetupError, OSError):
    """A GPU that was asked for, and that the backend of Keras does not find."""


class BadSettings(SetupError, ValueError):
    """An option outside its range, or two options that exclude each other."""


class BadReport(MovieTagsError, ValueError):
    """A report that does not follow schema movietags/1."""


class BadFeatures(MovieTagsError, ValueError):
    """Features of keyframes that were not kept, are damaged, or are of another film, network or report."""


class BadLibrary(MovieTagsError, ValueError):
    """A file that is no library of films, or one that this version, or DuckDB, cannot use."""


class BadTruth(MovieTagsError, ValueError):
    """A file that should say where the shots of a film begin, and does not."""


class BadSidecar(MovieTagsError, ValueError):
    """A sidecar (NFO) of a media centre that is no XML which tags could be put into."""


class BadRatings(MovieTagsError, ValueError):
    """A table of people's ratings that cannot be used; `faults` has a line for each cell that is wrong."""

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        """Keeps the faults beside the message."""
        super().__init__(message)
        self.faults = faults


class BadPairs(MovieTagsError, ValueError):
    """A table that should name pairs of reports, and does not."""


class NonFiniteFeatures(FilmError, ArithmeticError):
    """A network that answered NaN or infinity for a frame."""


class NetworkFailed(SetupError, RuntimeError):
    """A network that cannot be built or run here: most likely for want of memory."""


class FetchFailed(MovieTagsError, OSError):
    """Something on a server that is not there, not whole, or not what it should be."""


class ServerUnreachable(FetchFailed):
    """A server that gave no usable answer, however often it was asked."""


class OutputRefused(MovieTagsError, OSError):
    """An output folder or file that cannot be written, or holds what is not to be written over."""

    @property
    def of_the_disk(self) -> bool:
        """Whether every other file would be refused too: the disk is full, or takes no more."""
        return getattr(self.__cause__, "errno", None) in DISK_TROUBLE


class OutputLocked(OutputRefused):
    """An output folder that another process is writing to."""


class StdoutGone(OutputRefused):
    """A standard output that was closed."""


class DecodersFailed(SetupError, RuntimeError):
    """Processes that should decode films, and cannot be started on this machine or from this script."""


class LibraryMissing(SetupError, ImportError):
    """A library that an import needs and does not find."""
