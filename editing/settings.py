from .._settings import *  # noqa: F403
from .._settings import tomllib, printable, spelt, without_memory, paths_in, extra, chosen, first_problem, Except, InMemory, PictureFile  # noqa: F401
