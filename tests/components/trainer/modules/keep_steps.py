# keep_steps.py
import dataclasses


@dataclasses.dataclass(frozen=True)
class KeepSteps:
    steps: tuple[int, ...]

    def kept(self, metrics):
        return self.steps
