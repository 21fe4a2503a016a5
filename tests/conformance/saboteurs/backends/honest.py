"""An honest backend, which hands on to torch's what saboteurs do not break."""

from __future__ import annotations

from segport.adapters.torch.backend import TorchBackend
from segport.domain.ports.backend import StepPlan


class Wrapper:
    """Hands everything on to the real thing."""

    def __init__(self, inner, model=None):
        self.inner = inner
        self.model = model

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Backend(Wrapper):
    """Builds wrapped models and sessions of the real backend. Saboteurs replace one of its parts."""

    Model: type[Wrapper] = Wrapper
    Train: type[Wrapper] = Wrapper
    Eval: type[Wrapper] = Wrapper

    def __init__(self):
        super().__init__(TorchBackend())

    def build(self, spec, weights, **options):
        return self.Model(self.inner.build(spec, weights, **options))

    def trainer(self, model, plan: StepPlan):
        session = self.Train(self.inner.trainer(model.inner, self.plan(plan)), model.inner)
        session.result = self.Model(session.inner.result)
        return session

    def evaluator(self, model, plan=None):
        return self.Eval(self.inner.evaluator(model.inner, plan), model.inner)

    def plan(self, plan: StepPlan) -> StepPlan:
        return plan
