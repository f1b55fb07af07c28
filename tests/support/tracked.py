"""What is in MLflow, read back through its own client."""

from __future__ import annotations

from typing import Any


class Tracked:
    """What an MLflow database holds, read back through MLflow's own client."""

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(uri)

    def runs(self, experiment: str) -> dict[str, Any]:
        """The MLflow runs of an experiment by their kandinsky id: the parent's run id, a child's cell id."""
        known = self.client.get_experiment_by_name(experiment)
        assert known is not None
        runs = self.client.search_runs([known.experiment_id])
        found = {run.data.tags.get("kandinsky.cell_id", run.data.tags["kandinsky.run_id"]): run for run in runs}
        assert len(found) == len(runs), "doubled"
        return found

    def all(self, experiment: str) -> dict[str, Any]:
        """Everything that two sendings of one run must have in common."""
        return {name: self._whole(run) for name, run in self.runs(experiment).items()}

    def history(self, run: Any, key: str) -> list[tuple[float, int, int]]:
        """Each value of a metric, with its time (Unix milliseconds) and step."""
        return sorted((m.value, m.timestamp, m.step) for m in self.client.get_metric_history(run.info.run_id, key))

    def artifacts(self, run: Any) -> dict[str, int | None]:
        """Files and their sizes in bytes."""
        return {file.path: file.file_size for file in self.client.list_artifacts(run.info.run_id)}

    def _whole(self, run: Any) -> dict[str, Any]:
        return {
            "name": run.info.run_name,
            "status": run.info.status,
            "times": (run.info.start_time, run.info.end_time),
            "parameters": run.data.params,
            "metrics": {key: self.history(run, key) for key in run.data.metrics},
            "tags": {key: value for key, value in run.data.tags.items() if key != "mlflow.parentRunId"},
            "artifacts": self.artifacts(run),
        }
