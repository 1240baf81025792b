"""Any optimizer of nevergrad by its name, as a driver of populations, and PGPE as one of nevergrad's.

Nevergrad's optimizers hold their state in objects that only a pickle could keep. Their every move follows from the
seed and the losses, so these are what a checkpoint holds, and resuming gives them again.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import nevergrad as ng
import numpy as np
import torch
from nevergrad.optimization import base as ng_base
from nevergrad.optimization.optimizerlib import _CMA, ChoiceBase, NGOptBase
from nevergrad.parametrization import parameter as ng_parameter
from torch import Tensor

from .._base import MissingError, UsageError, did_you_mean
from ..guidance.objective import total
from .pgpe import PGPE, PGPESettings

# Those that nevergrad lets be asked for many candidates at once, but that then wait for ever or raise: portfolios of
# solvers that go one by one, and of CMA that wants its own number. Found by trying all 542 of version 1.0.12.
ONE_BY_ONE = frozenset(
    """
    ASCMADEthird BAR4 BFGSCMA BFGSCMAPlus Carola3 DS9 EDA F2SQPCMA F3SQPCMA FSQPCMA ForceMultiCobyla LogBFGSCMA
    LogMultiBFGSPlus LogSQPCMA LogSQPCMAPlus MetaModelDSproba MultiBFGS MultiBFGSPlus MultiCMA MultiCobyla
    MultiCobylaPlus MultiDS MultiSQP MultiSQPPlus MultiScaleCMA NGOptSingle25 NoisyInfSplits PolyCMA SQPCMA SQPCMAPlus
    SqrtBFGSCMA SqrtBFGSCMAPlus SqrtMultiBFGS SqrtMultiBFGSPlus SqrtSQPCMA SqrtSQPCMAPlus TripleCMA TripleDiagonalCMA
    """.split()
)
# Those that take another one, which suits the search.
_CHOOSING = (ChoiceBase, NGOptBase)


def optimizer_of(name: str) -> tuple[str, Any]:
    """An optimizer of nevergrad's registry by its name, in upper or lower case, and the name as it stands there.

    Raises:
        UsageError: there is none of it.
    """
    registry = ng.optimizers.registry
    if name in registry:
        return name, registry[name]
    for known in sorted(registry):
        if known.lower() == name.lower():
            return known, registry[known]
    hint = did_you_mean(name, sorted(registry))
    raise UsageError(
        f"no optimizer is called '{name}'{hint}; PGPE, adam, hybrid and {len(registry)} of nevergrad are known, "
        "for example CMA, DE, OnePlusOne, PSO, TBPSA, NGOpt"
    )


class Evolution:
    """A driver whose latents are a population: `ask` gives (P,D), `tell` takes losses (P,).

    Args:
        start: (D,) where to begin; candidates lie around it.
        name: of a nevergrad optimizer.
        population: candidates a step. Optimizers that try one candidate after another are asked for one, and those
            of the CMA family for as many as they plan with, which is one more if they keep the best.
        sigma: how far candidates lie from `start`, a standard deviation.
        steps: how many populations there will be at most, which some optimizers plan with.
        seed: of all that is random in it.

    Raises:
        UsageError: an unknown name, or one that cannot search so many numbers.
        MissingError: the optimizer needs a package that is not installed.
    """

    def __init__(
        self,
        start: Tensor,
        name: str,
        population: int = 64,
        sigma: float = 0.1,
        steps: int = 1000,
        seed: int = 0,
    ) -> None:
        if population < 1:
            raise UsageError(f"population is {population}; give 1 or more")
        self.start = start.detach().float().cpu().clone()
        self.device, self.seed = start.device, seed
        self.name, method = optimizer_of(name)
        alone = method.no_parallelization or self.name in ONE_BY_ONE
        self.population = 1 if alone else population
        space = ng.p.Array(init=self.start.double().numpy()).set_mutation(sigma=sigma)
        space.random_state.seed(seed)
        with _explained(name, len(self.start)):
            # The number of workers is the size of the populations that its optimizers plan for.
            self.optimizer = method(
                parametrization=space, budget=population * steps, num_workers=self.population
            )
            if not alone:
                self.population = _planned(self.optimizer) or population
        self._asked: list[ng_parameter.Parameter] = []
        self._history: list[Tensor] = []
        self._worst = 0.0

    def ask(self) -> Tensor:
        """The population (P,D); the same one until `tell`."""
        if not self._asked:
            with _explained(self.name, len(self.start)):
                self._asked = [self.optimizer.ask() for _ in range(self.population)]
        return torch.from_numpy(np.stack([each.value for each in self._asked])).float().to(self.device)

    def tell(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses, (P,) each, of what `ask` gave.

        Raises:
            UsageError: there are more or fewer losses than candidates that were asked for.
        """
        now = total(losses).detach().double().cpu()
        if len(now) != len(self._asked):
            raise UsageError(
                f"{len(now)} losses were given where {len(self._asked)} candidates were asked for"
            )
        finite = now[now.isfinite()]
        self._worst = max(self._worst, float(finite.max())) if len(finite) else self._worst
        now = torch.where(now.isfinite(), now, self._worst + abs(self._worst) + 1)
        with _explained(self.name, len(self.start)):
            for candidate, loss in zip(self._asked, now.tolist(), strict=True):
                self.optimizer.tell(candidate, loss)
        self._history.append(now)
        self._asked = []

    def recommend(self) -> Tensor:
        """What the optimizer takes for the best (D,)."""
        with _explained(self.name, len(self.start)):
            found = self.optimizer.provide_recommendation()
        return torch.from_numpy(np.array(found.value)).float().to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume to the same bits, from the same start, seed, population and steps."""
        history = torch.stack(self._history) if self._history else torch.zeros(0, self.population).double()
        return {"name": self.name, "seed": self.seed, "start": self.start.clone(), "losses": history}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from `state_dict`, by giving all losses again.

        Raises:
            UsageError: the state is of another search, or this one has started.
        """
        if self._history or self._asked:
            raise UsageError("this search has started; load a state before the first step")
        same = (
            state["name"] == self.name
            and state["seed"] == self.seed
            and torch.equal(state["start"], self.start)
        )
        if not same or state["losses"].shape[1] != self.population:
            raise UsageError(
                f"the state is of optimizer {state['name']} with seed {state['seed']} and population "
                f"{state['losses'].shape[1]}; resume with these and the same start"
            )
        for losses in state["losses"]:
            self.ask()
            self.tell({"loss": losses})


def _planned(optimizer: Any) -> int | None:
    """The population that one of the CMA family waits for; asked for fewer, it runs ahead of the losses."""
    inner = optimizer
    while isinstance(inner, _CHOOSING):
        inner = inner.optim
    return int(inner._popsize) if isinstance(inner, _CMA) else None


@contextmanager
def _explained(name: str, dimensions: int) -> Iterator[None]:
    """Nevergrad's warnings are about its own settings; its errors become one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (UsageError, MissingError):
            raise
        except Exception as error:  # each of the hundreds of optimizers raises what it likes
            # Some run in a thread of their own, of whose error only the text is left.
            if isinstance(error, ImportError) or "No module named" in str(error):
                raise MissingError(f"optimizer {name} cannot be used here: {_line(error)}") from error
            raise UsageError(
                f"optimizer {name} failed on {dimensions} numbers ({_line(error)}); take another one, "
                "for example CMA or OnePlusOne"
            ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class PGPEOptimizer(ng_base.Optimizer):  # type: ignore[misc]
    """PGPE with ClipUp among nevergrad's optimizers: `ng.optimizers.registry["PGPE"]`, or `register_pgpe()` first.

    It moves once the losses of a whole population of pairs are there, in whatever order they come.
    """

    def __init__(
        self, parametrization: Any, budget: int | None = None, num_workers: int = 1, config: Any = None
    ) -> None:
        super().__init__(parametrization, budget=budget, num_workers=num_workers)
        pairs = max((num_workers + 1) // 2, 2 + int(1.5 * np.log(self.dimension)))
        radius = float(np.sqrt(self.dimension))
        # A step is at most a fifteenth of the samples' radius long, and pushed by half of that (Toklu et al. 2020).
        settings = config or PGPESettings(2 * pairs, 1.0, radius / 30, 0.1, max_speed=radius / 15)
        self.search = PGPE(torch.zeros(self.dimension), settings)
        self._next: deque[tuple[int, Tensor]] = deque()
        self._waiting: dict[int, tuple[Tensor, dict[bool, float]]] = {}
        self._whole: list[tuple[Tensor, float, float]] = []
        self._drawn = 0

    def _internal_ask_candidate(self) -> ng_parameter.Parameter:
        if not self._next:
            noise = torch.from_numpy(self._rng.normal(size=self.dimension)).float()
            away = self.search.sigma * noise
            self._waiting[self._drawn] = (away, {})
            self._next.extend([(self._drawn, away), (self._drawn, -away)])
            self._drawn += 1
        pair, away = self._next.popleft()
        data = (self.search.centre + away).double().numpy()
        candidate = self.parametrization.spawn_child().set_standardized_data(
            data, reference=self.parametrization
        )
        plus = bool(away is self._waiting[pair][0])
        candidate._meta["pgpe"] = (pair, plus)
        return candidate

    def _internal_tell_candidate(self, candidate: ng_parameter.Parameter, loss: float) -> None:
        pair, plus = candidate._meta["pgpe"]
        away, known = self._waiting[pair]
        known[plus] = loss
        if len(known) < 2:
            return
        del self._waiting[pair]
        self._whole.append((away, known[True], known[False]))
        if 2 * len(self._whole) >= self.search.settings.population:
            losses = torch.tensor([each for _, *both in self._whole for each in both])
            self.search.move(torch.stack([away for away, *_ in self._whole]), losses)
            self._whole = []

    def _internal_tell_not_asked(self, candidate: ng_parameter.Parameter, loss: float) -> None:  # noqa: ARG002
        raise ng.errors.TellNotAskedNotSupportedError

    def _internal_provide_recommendation(self) -> Any:
        return self.search.centre.double().numpy()


def register_pgpe() -> None:
    """Put PGPE among nevergrad's optimizers, so that `ng.optimizers.registry["PGPE"]` is it."""
    if "PGPE" not in ng.optimizers.registry:
        ng.optimizers.registry.register_name("PGPE", PGPEOptimizer)


register_pgpe()
