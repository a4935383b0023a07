"""Schemas of the configuration: dataclasses own the types, the YAML files under `conf/` own the values."""

from pathlib import Path

from medloc.spec.machine import runs_at_once

CHECKOUT = Path(__file__).resolve().parents[2]
CONF = CHECKOUT / "conf"


def register() -> None:
    """Registers every schema, and the resolvers `checkout` and `runs_at_once`, with Hydra; safe to repeat."""
    from hydra.core.config_store import ConfigStore  # here, so that reading experiments/ need not wait for Hydra
    from omegaconf import OmegaConf

    from medloc.spec import curriculum, dataset, launch, pretrain, rollout, run, tracking
    from medloc.spec import model as published

    OmegaConf.register_new_resolver("checkout", lambda: str(CHECKOUT), replace=True)
    OmegaConf.register_new_resolver("runs_at_once", runs_at_once, replace=True)
    store = ConfigStore.instance()
    store.store(name="settings_schema", node=run.Settings)
    store.store(name="pretrain_schema", node=pretrain.PretrainSettings)
    for module in (curriculum, dataset, launch, published, rollout, run, tracking):
        for (group, name), schema in module.SCHEMAS.items():
            store.store(group=group, name=name, node=schema)
