"""Settings say how one sandbox runs: where it listens and keeps its data, how much faster than AWS it is."""

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
STATUS_PATH = "/_sandbox"  # answers with the pid, the port and the data folder


@dataclass(frozen=True)
class Settings:
    """Settings of a sandbox: times in seconds; a scale is the sandbox's duration divided by that of AWS."""

    port: int = 4566
    data_dir: Path = Path("build/sandbox")
    endpoint_create_seconds: float = 1.0  # minutes on AWS
    endpoint_update_seconds: float = 1.0  # about a minute on AWS
    buffer_scale: float = 1 / 60  # of Firehose's BufferingHints: 60 s become 1 s
    wait_scale: float = 1 / 20  # of Step Functions' Wait states and retry intervals
    snapshot_seconds: float = 2.0  # between two snapshots; at most 5 are promised
    duplicate_events: float = 0.1  # share of SageMaker's events sent twice, as AWS says it may
    verify_identities: bool = False  # IAM policies and signatures of every request

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


_current = Settings()


def current() -> Settings:
    """Returns the settings of this process's sandbox; the defaults where none was started (unit tests)."""
    return _current


def use(settings: Settings) -> None:
    global _current  # noqa: PLW0603 - one sandbox a process
    _current = settings
